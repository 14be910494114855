// Signing in with a passkey.
import {Ceremony, Stage, capabilities, canUse, wait} from './passkey.js';

const root = document.querySelector('[data-ceremony]');
const ceremony = new Ceremony(root);
const stage = new Stage(root);
const field = root.querySelector('#username');
const finish = {continue: root.dataset.continue};
let last = {};

// ask opens the browser's window. hint says which kind of device to offer first.
async function ask(hint) {
  last = {hint};
  wait(stage, field?.value.trim() || root.dataset.username);
  try {
    go(await ceremony.run({hint, finish}));
  } catch (e) {
    if (e !== cancelled) stage.fail(e);
  }
}

const cancelled = new DOMException('cancelled on the page', 'AbortError');
const go = said => location.assign(said.location);

// offer lets the browser show passkeys in the list below the name, where it
// can. The list may stay open for longer than a challenge lives, so a new one
// is fetched each time it has run out.
async function offer() {
  if (!field || !canUse || (await capabilities()).conditionalGet !== true) return;
  for (;;) {
    try {
      return go(await ceremony.run({mediation: 'conditional', finish}));
    } catch (e) {
      if (e.name === 'TimeoutError') continue;
      if (e.picked) stage.fail(e);
      return;
    }
  }
}

for (const way of root.querySelectorAll('[data-run]')) {
  way.addEventListener(way.tagName === 'FORM' ? 'submit' : 'click', e => {
    if (e.ctrlKey || e.metaKey || e.shiftKey) return;
    e.preventDefault();
    ask(way.dataset.hint);
  });
}
const back = () => {
  ceremony.stop(cancelled);
  stage.show('start');
  offer();
};
root.querySelector('[data-cancel]').addEventListener('click', back);
root.querySelector('[data-back]')?.addEventListener('click', back);
root.querySelector('[data-again]').addEventListener('click', () => ask(last.hint));
addEventListener('pageshow', e => { if (e.persisted) back(); });
offer();
