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
  if (mine === latest) place(html, answer.headers.get('X-Sheet-Key') ?? '');
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
