// The unlock gesture: nine dots, joined by dragging, clicking, or the keys 1
// to 9. The result is the digits of the dots, put into the field that stands
// there without scripts.
const least = 4;

export function makePads(root) {
  for (const field of root.querySelectorAll('[data-pad]:not([data-made])')) makePad(field);
  for (const form of root.querySelectorAll('form:has([data-pad])')) inTurn(form);
}

function element(name, attributes, ...children) {
  const e = document.createElement(name);
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
  e.append(...children);
  return e;
}

function makePad(field) {
  field.dataset.made = '';
  const input = field.querySelector('input');
  const label = field.querySelector('label');
  field.querySelector('.hint').remove();
  input.type = 'hidden';
  const name = element('p', { class: 'label center' }, label.textContent);
  label.remove();

  const line = document.createElementNS('http://www.w3.org/2000/svg', 'polyline');
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 3 3');
  svg.setAttribute('aria-hidden', 'true');
  svg.append(line);
  const dots = Array.from({ length: 9 }, (_, i) =>
    element('button', { type: 'button', class: 'dot', 'aria-label': `Dot ${i + 1}`, 'aria-pressed': 'false' }));
  const pad = element('div', { class: 'pad', role: 'group', 'aria-label': name.textContent }, svg, ...dots);
  const said = element('span', { class: 'small muted', role: 'status' });
  const clear = element('button', { type: 'button', class: 'btn btn-quiet btn-small' }, 'Clear');
  field.append(name, pad, element('div', { class: 'row between nowrap pad-foot' }, said, clear));

  let path = [];
  const show = () => {
    input.value = path.map(i => i + 1).join('');
    dots.forEach((d, i) => d.setAttribute('aria-pressed', String(path.includes(i))));
    line.setAttribute('points', path.map(i => `${i % 3 + .5},${Math.floor(i / 3) + .5}`).join(' '));
    said.textContent = path.length === 0 ? `Join ${least} dots or more` : path.length === 1 ? '1 dot' : `${path.length} dots`;
  };
  const add = i => {
    if (i < 0 || path.includes(i)) return;
    const last = path.at(-1);
    if (last !== undefined) { // a straight line takes the dot in its middle along
      const x = (last % 3 + i % 3) / 2, y = (Math.floor(last / 3) + Math.floor(i / 3)) / 2;
      const middle = y * 3 + x;
      if (Number.isInteger(x) && Number.isInteger(y) && !path.includes(middle)) path.push(middle);
    }
    path.push(i);
    show();
  };
  pad.addEventListener('click', e => add(dots.indexOf(e.target)));
  pad.addEventListener('pointerdown', e => {
    if (e.target.hasPointerCapture?.(e.pointerId)) e.target.releasePointerCapture(e.pointerId);
    add(dots.indexOf(e.target));
  });
  pad.addEventListener('pointermove', e => {
    if (e.buttons & 1) add(dots.indexOf(document.elementFromPoint(e.clientX, e.clientY)));
  });
  pad.addEventListener('keydown', e => {
    if (e.key >= '1' && e.key <= '9') add(Number(e.key) - 1);
    else if (e.key === 'Backspace') { path.pop(); show(); }
  });
  clear.addEventListener('click', () => { path = []; show(); });
  show();
}

// inTurn shows the pads of a form one after the other: draw, then draw again.
function inTurn(form) {
  if (form.dataset.turns) return;
  const fields = [...form.querySelectorAll('[data-pad]')];
  form.dataset.turns = '1';
  const button = form.querySelector('button:not([type=button])');
  const last = button.textContent;
  let at = 0;
  const show = () => {
    fields.forEach((f, i) => { f.hidden = i !== at; });
    button.textContent = at < fields.length - 1 ? 'Continue' : last;
  };
  form.addEventListener('submit', e => {
    if (e.submitter?.value === 'cancel') return;
    if (fields[at].querySelector('input').value.length < least) {
      e.preventDefault();
      fields[at].querySelector('[role=status]').textContent = `Join at least ${least} dots.`;
    } else if (at < fields.length - 1) {
      e.preventDefault();
      at++;
      show();
      fields[at].querySelector('.dot').focus();
    }
  });
  show();
}
