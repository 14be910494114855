// The extension's middle: it hands requests of pages to the native host, keeps
// one window for each, and gives the answers back. It decides nothing; the
// messages are described in doc.go of platform/browser.
'use strict';

const HOST = 'org.cardea.platform';
const VERSION = 1;
const WINDOW = {type: 'popup', width: 480, height: 680};
// How long the page gets to come to the front again, and between two looks.
// Chromium throws a new passkey's answer away if the page is not there.
const FRONT_MS = 3000;
const LOOK_MS = 25;

const proxy = chrome.webAuthenticationProxy;

let port = null; // to the host, while there is one
let ready = false; // the host has said hello
let uvpaa = false; // what isUvpaa answers

// Requests without an answer: id -> {kind, from, windowId, tabId, opening, view, drawing, away}
const open = new Map();

const FAULT = {name: 'UnknownError', message: 'The passkey client had a fault.'};

// ---- the host

function connect() {
  if (port) return;
  ready = false;
  const p = chrome.runtime.connectNative(HOST);
  port = p;
  p.onMessage.addListener(hear);
  p.onDisconnect.addListener(() => lost(p, chrome.runtime.lastError?.message));
}

function hear(m) {
  switch (m.type) {
    case 'ready':
      return hello(m);
    case 'show':
      return show(m.id, m.view);
    case 'done':
      return done(m);
  }
}

async function hello(m) {
  if (m.version !== VERSION) {
    port.disconnect();
    return lost(port, 'the native host is of another version');
  }
  uvpaa = m.uvpaa === true;
  if (ready) return;
  ready = true;
  look(1);
  await settle();
}

// settle attaches if there is a host and detaches if there is none. Both take a
// moment, and neither may overtake the other. That it is so already is no
// failure; nor is another extension, but then no request will come here.
let turn = Promise.resolve();
function settle() {
  turn = turn.then(() => ready ? proxy.attach() : proxy.detach()).catch((e) => console.warn('settling:', e.message));
  return turn;
}

// look makes the browser start the worker and connect, now and then: when the
// host is away, and also when a worker has ended that should not have.
function look(minutes) {
  chrome.alarms.create('look', {delayInMinutes: minutes, periodInMinutes: 1});
}

// Without its host the extension must not stand in the way: detached, pages
// get the browser's own dialog. It looks again from time to time.
async function lost(p, why) {
  if (p !== port) return;
  console.warn('native host:', why || 'closed');
  const worked = ready;
  port = null;
  ready = false;
  await Promise.all([...open.keys()].map((id) => done({id, error: FAULT})));
  await settle();
  if (port) return; // a page has asked meanwhile, and that has connected
  look(worked ? 0.05 : 1);
}

function tell(m) {
  connect();
  port.postMessage(m);
}

// ---- requests

async function begin(kind, info) {
  const r = {kind, from: null, windowId: null, tabId: null, opening: null, view: null, drawing: null, away: false};
  open.set(info.requestId, r);
  note(info.requestId, r);
  // The message goes first and the question who has the focus after it: the
  // window is not open before the host has answered.
  r.from = front();
  tell({type: kind, id: info.requestId, details: info.requestDetailsJson});
}

// front is the window and tab that the person was in. A dialog of ours that is
// still open is not meant.
async function front() {
  try {
    const w = await chrome.windows.getLastFocused({populate: true, windowTypes: ['normal', 'app']});
    const tab = w.tabs.find((t) => t.active);
    return {tabId: tab.id, windowId: w.id, left: w.left, top: w.top, width: w.width, height: w.height};
  } catch {
    return null;
  }
}

async function done(m) {
  const r = open.get(m.id);
  if (!r) return;
  open.delete(m.id);
  const from = await r.from;
  await closeWindow(r);
  if (r.opening && from) await giveBack(from, r.kind === 'create');
  const answer = {requestId: m.id};
  if (m.error) answer.error = m.error;
  else answer.responseJson = m.response;
  await complete(r.kind, answer).catch((e) => {
    console.error('completing:', e.message);
    return complete(r.kind, {requestId: m.id, error: FAULT});
  }).catch(() => {}); // the page has gone
  forget(m.id);
}

// giveBack lets the person be where they were. With a new passkey it also brings
// the page's tab to the front, and waits until it is there: they may have gone to
// look at another one.
async function giveBack(from, made) {
  if (made) await chrome.tabs.update(from.tabId, {active: true}).catch(() => {});
  await chrome.windows.update(from.windowId, {focused: true}).catch(() => {});
  const until = Date.now() + FRONT_MS;
  while (made && Date.now() < until && !await inFront(from)) {
    await new Promise((after) => setTimeout(after, LOOK_MS));
  }
}

async function inFront(from) {
  try {
    const [w, tab] = await Promise.all([chrome.windows.get(from.windowId), chrome.tabs.get(from.tabId)]);
    return w.focused && tab.active;
  } catch {
    return true; // gone: there is nothing to wait for
  }
}

function complete(kind, answer) {
  return kind === 'create' ? proxy.completeCreateRequest(answer) : proxy.completeGetRequest(answer);
}

async function withdraw(id) {
  const r = open.get(id);
  if (!r) return;
  forget(id);
  tell({type: 'cancel', id});
  await closeWindow(r);
}

// ---- what a worker leaves behind

// The browser may end a worker at any time, and a page would wait for its answer
// for ever. So the next worker finds what is open, but nothing of what it says.
const note = (id, r) => chrome.storage.session.set({[id]: {kind: r.kind, windowId: r.windowId}}).catch(() => {});

function forget(id) {
  open.delete(id);
  chrome.storage.session.remove(String(id)).catch(() => {});
}

async function tidy() {
  const before = await chrome.storage.session.get(null);
  for (const [key, {kind, windowId}] of Object.entries(before)) {
    const id = Number(key);
    if (open.has(id)) continue;
    forget(id);
    await closeWindow({windowId});
    await complete(kind, {requestId: id, error: FAULT}).catch(() => {});
  }
}

// ---- windows

async function show(id, view) {
  const r = open.get(id);
  if (!r) return;
  r.view = view;
  if (!r.opening) r.opening = openWindow(id, r);
  await r.opening;
  if (open.get(id) !== r || r.view !== view || r.tabId === null) return;
  if (view.page) {
    r.away = true;
    await chrome.tabs.update(r.tabId, {url: view.page}).catch(() => {});
  } else if (r.away) {
    r.away = false;
    await chrome.tabs.update(r.tabId, {url: dialogURL(id)}).catch(() => {});
  } else {
    r.drawing?.postMessage(view);
  }
}

const dialogURL = (id) => chrome.runtime.getURL('dialog.html') + '?id=' + id;

async function openWindow(id, r) {
  const from = await r.from;
  const place = {};
  if (from && from.width) {
    place.left = Math.max(0, Math.round(from.left + (from.width - WINDOW.width) / 2));
    place.top = Math.max(0, Math.round(from.top + Math.min(96, (from.height - WINDOW.height) / 2)));
  }
  // A window that begins at another page must not show the dialog first.
  r.away = Boolean(r.view.page);
  const create = (o) => chrome.windows.create({url: r.view.page || dialogURL(id), focused: true, ...WINDOW, ...o});
  let w;
  try {
    w = await create(place).catch(() => create({}));
  } catch (e) {
    console.error('opening a window:', e.message);
    tell({type: 'closed', id});
    return;
  }
  r.windowId = w.id;
  r.tabId = w.tabs[0].id;
  if (open.get(id) === r) note(id, r);
  else await closeWindow(r); // ended meanwhile
}

async function closeWindow(r) {
  if (r.windowId === null) return;
  const id = r.windowId;
  r.windowId = null;
  await chrome.windows.remove(id).catch(() => {});
}

// A dialog page draws what there is now and each view after it.
chrome.runtime.onConnect.addListener((drawing) => {
  const id = Number(drawing.name);
  const r = open.get(id);
  if (!r) return drawing.postMessage(null);
  r.drawing = drawing;
  drawing.onMessage.addListener((action) => {
    if (open.get(id) === r) tell({type: 'act', id, action});
  });
  drawing.onDisconnect.addListener(() => {
    if (r.drawing === drawing) r.drawing = null;
  });
  if (r.view && !r.view.page) drawing.postMessage(r.view);
});

chrome.windows.onRemoved.addListener((windowId) => {
  for (const [id, r] of open) {
    if (r.windowId !== windowId) continue;
    r.windowId = null;
    tell({type: 'closed', id});
  }
});

// The browser does not say when the page that asked is closed, reloaded or left:
// a passkey made after that would be one that its site knows nothing of. If it
// was another page after all, it hears that the person is not there.
async function left(tabId) {
  for (const [id, r] of [...open]) {
    if ((await r.from)?.tabId !== tabId || open.get(id) !== r) continue;
    await withdraw(id);
    const error = {name: 'NotAllowedError', message: 'The operation either timed out or was not allowed.'};
    await complete(r.kind, {requestId: id, error}).catch(() => {});
  }
}
chrome.tabs.onRemoved.addListener(left);
// Only what replaces the document: a page that changes its own address
// (pushState, a fragment) is still there. Frame 0 is the tab's own document.
chrome.webNavigation.onCommitted.addListener((n) => {
  if (n.frameId === 0) left(n.tabId);
});

// ---- the browser

proxy.onCreateRequest.addListener((info) => begin('create', info));
proxy.onGetRequest.addListener((info) => begin('get', info));
proxy.onRequestCanceled.addListener((id) => withdraw(id));
// Answered at once with what was true a moment ago: a page waits for it.
proxy.onIsUvpaaRequest.addListener((info) => {
  proxy.completeIsUvpaaRequest({requestId: info.requestId, isUvpaa: ready && uvpaa}).catch(() => {});
  tell({type: 'status'});
});
proxy.onRemoteSessionStateChange.addListener(connect);
chrome.alarms.onAlarm.addListener(connect);
chrome.runtime.onStartup.addListener(connect);
chrome.runtime.onInstalled.addListener(connect);
tidy();
connect();
