// Signing in with a passkey.
import {Ceremony, Refused, Stage, capabilities, canUse, post, wait} from './passkey.js';

const root = document.querySelector('[data-ceremony]');
const ceremony = new Ceremony(root);
const stage = new Stage(root);
const field = root.querySelector('#username');
const finish = {continue: root.dataset.continue};
const other = root.querySelector('[data-state=other]');
let last = {};
let stopped; // the sign-in that may go on as somebody else

// ask opens the browser's window. hint says which kind of device to offer first,
// account is the one that was picked on the page.
async function ask({hint, account}) {
  last = {hint, account};
  const username = account || field?.value.trim() || root.dataset.username;
  wait(stage, username);
  try {
    go(await ceremony.run({hint, finish, begin: {username}}));
  } catch (e) {
    if (e !== cancelled) fail(e, account);
  }
}

const cancelled = new DOMException('cancelled on the page', 'AbortError');
const go = said => location.assign(said.location);

// fail shows why nobody is signed in. That no passkey was used means more when
// the browser was told which ones to look for.
function fail(e, account) {
  if (e.said?.reason === 'wrong_account') return elsewhose(e.said);
  stage.fail(account && e.name === 'NotAllowedError' ? new Refused({reason: 'not_used_here'}) : e);
}

// elsewhose tells whose passkey it was.
function elsewhose(said) {
  stopped = said;
  other.querySelector('[data-other]').textContent = said.title;
  other.querySelector('[data-other-what]').textContent = said.what;
  other.querySelector('[data-go-on]').textContent = said.goOn;
  stage.show('other');
}

other.querySelector('[data-go-on]').addEventListener('click', async () => {
  if (!stopped) return; // clicked twice; it can be used once
  const {id} = stopped;
  stopped = null;
  try {
    go(await post('/signin/passkey/go-on', {id, ...finish}));
  } catch (e) {
    stage.fail(e);
  }
});

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
      if (e.picked) fail(e);
      return;
    }
  }
}

for (const way of root.querySelectorAll('[data-run]')) {
  way.addEventListener(way.tagName === 'FORM' ? 'submit' : 'click', e => {
    if (e.ctrlKey || e.metaKey || e.shiftKey) return;
    e.preventDefault();
    // What is tried after a failure is for the same account.
    ask({hint: way.dataset.hint, account: way.value || way.closest('[data-state=failed]') && last.account});
  });
}
const back = () => {
  ceremony.stop(cancelled);
  stage.show('start');
  offer();
};
for (const e of root.querySelectorAll('[data-cancel], [data-back]')) e.addEventListener('click', back);
root.querySelector('[data-again]').addEventListener('click', () => ask(last));
addEventListener('pageshow', e => { if (e.persisted) back(); });
if (canUse) offer();
else stage.show('unable');
