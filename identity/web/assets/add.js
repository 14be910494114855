// Adding a passkey to an account: the browser's window, the server's yes, "is
// this the one you meant?", and a name.
import {Ceremony, Stage, post, signal, wait} from './passkey.js';

const root = document.querySelector('[data-ceremony]');
const ceremony = new Ceremony(root);
const stage = new Stage(root);
const cancelled = new DOMException('cancelled on the page', 'AbortError');
const way = root.dataset.way;
let saved; // what the server said of the new passkey

async function ask() {
  wait(stage);
  try {
    saved = await ceremony.run({hint: way});
    confirm();
  } catch (e) {
    if (e === cancelled) return;
    if (e.said?.reason === 'not_fresh') return location.reload(); // to unlock, and come back here
    stage.fail(e);
    told(root.querySelector('[data-state=failed]'), e.dropped);
  }
}

// told shows what could be done about the copy that the device keeps.
function told(at, dropped) {
  for (const e of at.querySelectorAll('[data-dropped]')) e.hidden = e.dataset.dropped !== dropped;
}

// confirm says where the passkey is. It is good from now on; but some other app
// may have been faster than the one that the person meant.
function confirm() {
  const at = root.querySelector('[data-state=confirm]');
  at.querySelector('[data-provider]').textContent = saved.provider;
  for (const e of at.querySelectorAll('[data-where]')) e.hidden = e.dataset.where !== saved.where;
  at.querySelector('[data-elsewhere]').hidden = saved.where === 'unknown' || saved.where === way;
  at.querySelector('[data-first]').hidden = !saved.first;
  at.querySelector('[data-no]').hidden = saved.first;
  stage.show('confirm');
}

// undo takes the passkey back, here and on the device.
async function undo() {
  try {
    await post(root.dataset.undo, {passkey: saved.passkey});
  } catch (e) {
    // Unlock first: the page that deletes asks for it, and shows what is at stake.
    if (e.said?.reason === 'not_fresh') return location.assign(`/security/passkeys/${saved.passkey}/delete`);
    told(root.querySelector('[data-state=failed]'));
    return stage.fail(e);
  }
  const asked = await signal('signalUnknownCredential', {rpId: root.dataset.rpId, credentialId: saved.credential});
  const at = root.querySelector('[data-state=undone]');
  at.querySelector('[data-provider]').textContent = saved.provider;
  told(at, asked ? 'asked' : 'cannot');
  stage.show('undone');
}

// name asks what to call it. It is saved by now, under the name offered.
function name() {
  const form = root.querySelector('[data-state=name]');
  form.elements.id.value = saved.passkey;
  form.elements.name.value = saved.name;
  stage.show('name');
  form.elements.name.select();
}

function on(selector, f) {
  for (const e of root.querySelectorAll(selector)) e.addEventListener('click', () => f());
}

function back() {
  ceremony.stop(cancelled);
  stage.show('start');
}

on('[data-run], [data-again]', ask);
on('[data-yes]', name);
on('[data-no]', undo);
on('[data-cancel]', back);
addEventListener('pageshow', e => { if (e.persisted) back(); });
