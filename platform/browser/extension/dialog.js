// Draws the views that the native host sends, and says which button was
// pressed. All words come from the host.
'use strict';

const win = document.getElementById('win');
const worker = chrome.runtime.connect({name: new URLSearchParams(location.search).get('id')});
let shown = null; // the view on the screen
let clock = 0;

// el makes an element. Text is set as text, never as HTML.
function el(name, className, ...children) {
  const e = document.createElement(name);
  if (className) e.className = className;
  e.append(...children.filter((c) => c !== undefined && c !== null && c !== false));
  return e;
}

function attr(e, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined) e.setAttribute(name, value);
  }
  return e;
}

function pressable(e, action) {
  e.type = 'button';
  e.addEventListener('click', () => {
    if (e.getAttribute('aria-disabled') !== 'true') worker.postMessage(action);
  });
  return e;
}

function header(v) {
  return el('header', 'win-top', mark(),
    el('div', 'grow', el('p', 'strong', v.site), el('p', 'xs muted', v.passkey)));
}

function heading(v) {
  const h1 = attr(el('h1', '', v.title), {tabindex: '-1', id: 'title'});
  return attr(el('div', v.code ? 'stack snug center' : 'stack snug', h1, v.text && el('p', 'muted', v.text)),
    {role: v.alert ? 'alert' : 'status'});
}

function option(o) {
  const b = el('button', 'option', el('span', 'tile', icon(o.icon)),
    el('span', 'grow', el('span', 't', o.title), o.detail && el('span', 'd', o.detail)), !o.off && icon('go', 20));
  return el('li', o.aside ? 'with-aside' : '', pressable(attr(b, {'aria-disabled': o.off ? 'true' : undefined}), o.action),
    o.aside && pressable(attr(el('button', 'aside', icon(o.aside.icon, 18)), {'aria-label': o.aside.label, title: o.aside.label}), o.aside.action));
}

const SIGNS = {ok: 'check', bad: 'cross'};

function leg(l) {
  const state = l.state === 'work' ?
    attr(el('span', 'dots', el('i'), el('i'), el('i')), {role: 'img', 'aria-label': l.chip}) :
    el('span', {ok: 'chip ok', bad: 'chip danger'}[l.state] ?? 'chip', SIGNS[l.state] && icon(SIGNS[l.state], 14), l.chip);
  return el('li', l.state === 'bad' ? 'leg bad' : 'leg', icon(l.icon, 22),
    el('span', '', el('span', 't', l.title), el('span', 'd', l.detail)), state);
}

// The code is dark on white with its quiet zone in either colour scheme, or
// cameras do not find it.
function code(c) {
  const quiet = 4;
  const size = c.size + 2 * quiet;
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('class', 'q');
  path.setAttribute('d', c.path);
  const svg = drawing('', undefined, undefined, `${-quiet} ${-quiet} ${size} ${size}`,
    {'aria-hidden': undefined, role: 'img', 'aria-label': c.name, 'shape-rendering': 'crispEdges'});
  svg.append(path);
  return el('div', 'qr', svg);
}

function todo(lines) {
  if (lines.length === 1) {
    return el('p', 'small todo', el('b', 'strong', 'What to do: '), lines[0]);
  }
  return el('div', 'small todo', el('b', 'strong', 'What to do:'), el('ul', 'bullets', ...lines.map((l) => el('li', '', l))));
}

const list = (name, items) => attr(el('ul', name, ...items), {role: 'list'});

// What is typed goes with the primary button, and nowhere else; it is never
// drawn again.
function field(f, i) {
  const input = attr(el('input', 'input'), {type: 'password', id: `field${i}`, autocomplete: 'off', maxlength: f.most, required: '',
    'aria-describedby': 'title differs'});
  return el('div', 'field', attr(el('label', 'small strong', f.label), {for: input.id}), input);
}

function fields(v) {
  const form = attr(el('form', 'stack', ...v.fields.map(field), attr(el('p', 'small problem'), {id: 'differs', role: 'alert'})),
    {id: 'form', novalidate: ''});
  form.addEventListener('submit', (e) => {
    e.preventDefault();
    const typed = [...form.querySelectorAll('input')];
    const short = typed.findIndex((input, i) => input.value.length < v.fields[i].least);
    const other = typed.findIndex((input) => input.value !== typed[0].value);
    const wrong = short >= 0 ? short : other;
    typed.forEach((input, i) => attr(input, {'aria-invalid': i === wrong ? 'true' : 'false'}));
    form.lastElementChild.textContent = short >= 0 ? v.fields[short].short : other >= 0 ? v.fields[other].differs : '';
    if (wrong >= 0) return typed[wrong].focus();
    worker.postMessage({...v.buttons.at(-1).action, text: typed[0].value});
    typed.forEach((input) => { input.value = ''; });
  });
  return form;
}

function body(v) {
  return el('main', v.middle ? 'win-body mid' : 'win-body',
    v.middle && v.art && art(v.art),
    v.tile && el('span', v.alert ? 'tile big warn' : 'tile big', icon(v.tile, 32)),
    heading(v),
    !v.middle && v.art && art(v.art),
    v.code && code(v.code),
    v.fields && fields(v),
    v.options && list('options', v.options.map(option)),
    v.legs && list('legs', v.legs.map(leg)),
    v.ticks && list('ticks small', v.ticks.map((t) => el('li', '', icon(t.icon, 20), el('span', '', t.text)))),
    v.note && el('p', '', v.note),
    v.todo && todo(v.todo));
}

function footer(v) {
  const buttons = v.buttons.map((b, i) => {
    const e = el('button', `btn btn-${b.style}${i === 0 && b.style === 'quiet' ? ' pull' : ''}`, b.icon && icon(b.icon, 20), b.label);
    return v.fields && b.style === 'primary' ? attr(e, {type: 'submit', form: 'form'}) : pressable(e, b.action);
  });
  const ends = v.until > 0 && attr(el('span', 'row small muted', icon('clock', 18), el('span', 'left')), {role: 'timer'});
  return el('footer', 'win-foot', buttons[0], el('div', 'row end', ...buttons.slice(1), ends));
}

function tick(until) {
  clearInterval(clock);
  const left = win.querySelector('.left');
  if (!left) return;
  const write = () => {
    const s = Math.max(0, Math.round((until - Date.now()) / 1000));
    left.textContent = `Ends in ${Math.floor(s / 60)}:${String(s % 60).padStart(2, '0')}`;
  };
  write();
  clock = setInterval(write, 1000);
}

function draw(v) {
  if (!v) return window.close();
  const again = shown && shown.key === v.key;
  const focused = again && [...win.querySelectorAll('button')].indexOf(document.activeElement);
  shown = v;
  document.title = v.title;
  win.replaceChildren(header(v), body(v), footer(v));
  tick(v.until);
  // Another screen takes the focus, so that it is read out from its title. One
  // that only goes on leaves it where it was.
  const e = v.fields ? win.querySelector('input') : again && focused >= 0 ? win.querySelectorAll('button')[focused] : win.querySelector('#title');
  e?.focus({preventScroll: true});
}

worker.onMessage.addListener(draw);
worker.onDisconnect.addListener(() => window.close());
document.addEventListener('keydown', (e) => {
  if (e.key === 'Escape') worker.postMessage({do: 'cancel'});
});
