// The first administrator. The code comes in the address's fragment, which no
// server sees; it leaves the address bar at once, so that it stays out of the
// history and of pictures of the screen.
import {Ceremony, Refused, Stage, wait} from './passkey.js';

const root = document.querySelector('[data-ceremony]');
const form = root.querySelector('form');
const ceremony = new Ceremony(root);
const stage = new Stage(root);
const cancelled = new DOMException('cancelled on the page', 'AbortError');

let code = '';
function take() {
  if (location.hash.length > 1) code = location.hash.slice(1);
  history.replaceState(null, '', location.pathname);
}
take();
addEventListener('hashchange', take);
if (!code) stage.fail(new Refused({reason: 'no_code'}));

async function ask() {
  wait(stage, form.elements.username.value.trim());
  try {
    const begin = {code, username: form.elements.username.value, displayName: form.elements.display.value};
    location.assign((await ceremony.run({begin})).location);
  } catch (e) {
    if (e !== cancelled) stage.fail(e);
  }
}

form.addEventListener('submit', e => {
  e.preventDefault();
  ask();
});
const back = () => {
  ceremony.stop(cancelled);
  stage.show('start');
};
root.querySelector('[data-cancel]').addEventListener('click', back);
root.querySelector('[data-back]').addEventListener('click', back);
root.querySelector('[data-again]').addEventListener('click', () => (code ? ask() : location.reload()));
