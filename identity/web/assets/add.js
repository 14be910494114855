// Adding a passkey to an account.
import {Ceremony, Stage, wait} from './passkey.js';

const root = document.querySelector('[data-ceremony]');
const ceremony = new Ceremony(root);
const stage = new Stage(root);
const cancelled = new DOMException('cancelled on the page', 'AbortError');
let last;

async function ask(hint) {
  last = hint;
  wait(stage);
  try {
    name(await ceremony.run({hint}));
  } catch (e) {
    if (e === cancelled) return;
    if (e.said?.reason === 'not_fresh') location.reload();
    else stage.fail(e);
  }
}

// name asks what to call it. It is saved by now, under the name offered.
function name(said) {
  const form = root.querySelector('[data-state=name]');
  form.elements.id.value = said.passkey;
  form.elements.name.value = said.name;
  stage.show('name');
  form.elements.name.select();
}

for (const way of root.querySelectorAll('[data-run]')) {
  way.addEventListener('click', () => ask(way.dataset.hint));
}
const back = () => {
  ceremony.stop(cancelled);
  stage.show('start');
};
root.querySelector('[data-cancel]').addEventListener('click', back);
root.querySelector('[data-back]').addEventListener('click', back);
root.querySelector('[data-again]').addEventListener('click', () => ask(last));
addEventListener('pageshow', e => { if (e.persisted) back(); });
