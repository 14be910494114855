// Keeps an open page in step with the phone. The server draws everything; this
// fetches what has changed, and hands a sheet's buttons over without leaving
// the page. Without it every form still works, and pages move by reloading.
import { makePads } from './pad.js';

const under = document.getElementById('under');
const host = document.getElementById('sheet');
const bare = document.body.classList.contains('bare');
const title = document.title;
let latest = 0; // of the sheets asked for; an older one that comes late is dropped
let before = null; // what had the focus before the sheet

function place(html, key) {
  const had = host.dataset.key;
  if (!had && key) before = document.activeElement;
  host.innerHTML = html;
  host.dataset.key = key;
  if (!bare) under.inert = key !== '';
  document.title = key ? 'Request · Cardea Authenticator' : title;
  makePads(host);
  const field = host.querySelector('input:not([type=hidden]):not([type=radio])');
  (field ?? host.querySelector('#sheet-title'))?.focus();
  if (had && !key) before?.focus?.();
}

async function sheet(request) {
  const mine = ++latest;
  const answer = await request;
  if (!answer.ok) return location.reload();
  const html = await answer.text();
  if (mine !== latest) return;
  const key = answer.headers.get('X-Sheet-Key') ?? '', onward = answer.headers.get('X-Onward');
  if (!key && !bare && host.dataset.key && onward && location.pathname !== onward) return location.assign(onward);
  place(html, key);
}

async function redraw(edition) {
  under.dataset.page = edition;
  const answer = await fetch(location.href);
  if (answer.redirected) return location.replace(answer.url);
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  const fresh = page.getElementById('under');
  if (!fresh) return;
  const href = document.activeElement?.closest?.('a')?.getAttribute('href');
  under.innerHTML = fresh.innerHTML;
  if (href) [...under.querySelectorAll('a')].find(a => a.getAttribute('href') === href)?.focus();
}

function heard(change) {
  if (host && change.sheet !== host.dataset.key) sheet(fetch(host.dataset.from)).catch(() => {});
  if (under.dataset.live === 'page' && String(change.page) !== under.dataset.page) redraw(change.page).catch(() => {});
  if (under.dataset.live === 'lock' && !change.locked) location.replace('/');
}

// A browser opens few connections to one host, so only pages that can be seen
// listen. One that comes back into sight hears at once how things stand.
let stream = null;
function listen() {
  if (document.hidden) {
    stream?.close();
    stream = null;
  } else if (!stream) {
    stream = new EventSource('/events');
    stream.onmessage = e => heard(JSON.parse(e.data));
  }
}
document.addEventListener('visibilitychange', listen);
addEventListener('pagehide', () => { stream?.close(); stream = null; });
addEventListener('pageshow', listen);
listen();

let sending = false;
document.addEventListener('submit', e => {
  if (!e.target.matches('.sheet-form') || e.defaultPrevented) return;
  e.preventDefault();
  if (sending) return;
  sending = true;
  const body = new URLSearchParams(new FormData(e.target, e.submitter));
  sheet(fetch('/prompt', { method: 'POST', body, headers: { Accept: 'text/html;fragment=sheet' } }))
    .catch(() => location.reload())
    .finally(() => { sending = false; });
});

document.addEventListener('keydown', e => {
  if (e.key === 'Escape' && host && !bare) host.querySelector('button[value=cancel]')?.click();
});

// A button that has to be held. The phone takes the time; what is shown here is
// only how far it is. A click that no hold came before, as a screen reader makes
// it, is sent on: two of them with a pause between do the same.
let held = null;
function post(form, what) {
  const body = new URLSearchParams(new FormData(form));
  body.set('do', what);
  return fetch('/prompt', { method: 'POST', body, headers: { Accept: 'text/html;fragment=sheet' } });
}
function press(button) {
  if (held) return;
  const ms = Number(button.dataset.hold);
  const mine = held = { button, done: false };
  button.style.setProperty('--hold', ms + 'ms');
  button.classList.add('holding');
  post(button.form, 'press').then(() => {
    mine.timer = setTimeout(() => { mine.done = true; sheet(post(button.form, 'held')).catch(() => location.reload()); }, ms + 100);
    if (held !== mine) clearTimeout(mine.timer);
  }).catch(() => location.reload());
}
function release() {
  if (!held) return;
  const mine = held;
  held = null;
  clearTimeout(mine.timer);
  mine.button.classList.remove('holding');
  if (!mine.done) post(mine.button.form, 'release').catch(() => {});
}
const holds = e => e.target.closest?.('[data-hold]');
let clicks = false; // the click that ends a hold is no press of its own
document.addEventListener('pointerdown', e => { if (holds(e) && e.button === 0) { clicks = true; press(holds(e)); } });
for (const end of ['pointerup', 'pointercancel', 'blur']) addEventListener(end, release);
document.addEventListener('keydown', e => {
  if (!holds(e) || (e.key !== ' ' && e.key !== 'Enter')) return;
  e.preventDefault();
  if (!e.repeat) press(holds(e));
});
document.addEventListener('keyup', e => { if (holds(e)) { e.preventDefault(); release(); } });
document.addEventListener('click', e => { if (holds(e) && clicks) { clicks = false; e.preventDefault(); } }, true);

setInterval(() => {
  for (const e of document.querySelectorAll('[data-until]')) {
    const left = Math.max(0, Math.round((Number(e.dataset.until) - Date.now()) / 1000));
    e.textContent = `Waits for you: ${Math.floor(left / 60)}:${String(left % 60).padStart(2, '0')} left`;
  }
}, 1000);

const clock = document.getElementById('clock');
if (clock) {
  const tick = () => { clock.textContent = new Date().toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' }); };
  tick();
  setInterval(tick, 10_000);
}

makePads(document);
if (host?.dataset.key && !host.contains(document.activeElement)) {
  (host.querySelector('input:not([type=hidden]):not([type=radio])') ?? host.querySelector('#sheet-title'))?.focus();
}
