// The passkey call, and what a page shows around it. The words are in the page:
// this file only chooses among them.

const call = window.PublicKeyCredential;

// canUse says whether the browser has passkeys at all.
export const canUse = !!(call && navigator.credentials);

// capabilities says what the browser says it can do, and nothing if it won't.
export async function capabilities() {
  try {
    return await call.getClientCapabilities();
  } catch {
    return {conditionalGet: await call.isConditionalMediationAvailable?.()};
  }
}

// older reads and writes options and passkeys for browsers that can't do that
// themselves.
const older = () => import('./older.js');

// Refused is the server's no, or the page's own, by its reason.
export class Refused extends Error {
  constructor(said) {
    super(said.reason);
    this.said = said;
  }
}

// post tells the server something, and gives its answer or throws Refused.
export async function post(path, body, signal) {
  let answer;
  try {
    answer = await fetch(path, {
      method: 'POST',
      headers: {'Content-Type': 'application/json'},
      body: JSON.stringify(body),
      signal,
    });
  } catch (e) {
    if (signal?.aborted) throw signal.reason;
    throw new Refused({reason: 'offline'});
  }
  const said = await answer.json().catch(() => ({reason: 'our_fault'}));
  if (!answer.ok) throw new Refused(said);
  return said;
}

// unsure are the reasons that leave open whether the server knows the passkey.
// session_ended is one: if the answer to the first passkey of a newcomer was
// lost, asking again finds the access pass's session over.
const unsure = ['offline', 'our_fault', 'busy', 'challenge_spent', 'passkey_exists', 'session_ended'];

// Ceremony is one page's begin, call and finish. Only one call may run in a
// page: a new one ends the one before.
export class Ceremony {
  constructor(root) {
    this.root = root;
    this.running = null;
    addEventListener('pagehide', () => this.stop());
  }

  stop(reason) {
    this.running?.abort(reason);
    this.running = null;
  }

  // run asks the server for options and the browser for a passkey, and gives
  // the answer to the server. It resolves to what the server said.
  async run({begin = {}, finish = {}, mediation, hint} = {}) {
    if (!canUse) throw new Refused({reason: 'no_passkeys'});
    this.stop();
    const control = new AbortController();
    this.running = control;
    const {begin: beginAt, finish: finishAt} = this.root.dataset;
    const begun = await post(beginAt, {...begin, hint}, control.signal);
    // The browser's own timer may be hours long, or not there at all.
    const timer = setTimeout(() => control.abort(new DOMException('', 'TimeoutError')), begun.lifetime * 1000);
    try {
      const options = hint ? {...begun.options, hints: [hint]} : begun.options;
      const credential = await this.ask(options, mediation, control.signal);
      const response = credential.toJSON ? credential.toJSON() : (await older()).write(credential);
      delete response.clientExtensionResults?.prf?.results; // a secret of the person's own
      const said = await this.finish(finishAt, {...finish, id: begun.id, response}, credential.id);
      return {...said, credential: credential.id};
    } catch (e) {
      throw control.signal.aborted && !e.picked ? control.signal.reason : e;
    } finally {
      clearTimeout(timer);
      if (this.running === control) this.running = null;
    }
  }

  async ask(options, mediation, signal) {
    const creates = this.root.dataset.ceremony === 'create';
    const method = creates ? 'parseCreationOptionsFromJSON' : 'parseRequestOptionsFromJSON';
    const publicKey = call[method] ? call[method](options) : (await older()).read(options);
    if (creates) return navigator.credentials.create({publicKey, signal});
    const request = {publicKey, signal};
    if (mediation) request.mediation = mediation;
    return navigator.credentials.get(request);
  }

  // A passkey that the server does not know, or did not take, would only lead
  // its person astray: its manager is told to drop it. One that may have been
  // taken after all is left alone.
  async finish(path, body, credentialId) {
    try {
      return await post(path, body);
    } catch (e) {
      const dropped = this.root.dataset.ceremony === 'create' ? !unsure.includes(e.said.reason) : e.said.reason === 'unknown_passkey';
      if (dropped) {
        e.dropped = await signal('signalUnknownCredential', {rpId: this.root.dataset.rpId, credentialId}) ? 'asked' : 'cannot';
      }
      e.picked = true; // the person did something, and must hear what came of it
      throw e;
    }
  }
}

// signal tells the person's passkey managers something, and says whether it
// could: not every browser passes it on.
export async function signal(method, what) {
  if (!call?.[method]) return false;
  try {
    await call[method](what);
    return true;
  } catch (e) {
    console.warn(method, e.name);
    return false;
  }
}

// reasons by the name of what the browser threw. It says the same for a window
// that was closed and for a passkey that was not found, on purpose.
const reasons = {
  NotAllowedError: 'not_used',
  AbortError: 'not_used',
  TimeoutError: 'too_long',
  InvalidStateError: 'already_here',
  ConstraintError: 'cannot_check',
  NotSupportedError: 'not_supported',
  OperationError: 'busy_window',
  SecurityError: 'our_fault',
  TypeError: 'our_fault',
  EncodingError: 'our_fault',
  RangeError: 'our_fault',
};

// aboutKinds are the reasons to say which passkeys do work.
const aboutKinds = ['passkey_kind', 'passkey_leaves'];

// Stage shows one of the states of a page and moves the focus to it.
export class Stage {
  constructor(root) {
    this.root = root;
    this.home = root.querySelector('[data-state=start]');
  }

  show(state) {
    let shown;
    for (const s of this.root.querySelectorAll('[data-state]')) {
      s.hidden = s.dataset.state !== state;
      if (!s.hidden) shown = s;
    }
    const focus = shown.querySelector('[autofocus]') || shown.querySelector('h1[tabindex]') || shown.querySelector('input, button, a');
    focus?.focus();
    return shown;
  }

  // fail shows why it did not work: in the server's words, or in those that the
  // page holds for the reason.
  fail(error) {
    const said = error instanceof Refused ? error.said : {reason: reasons[error.name] || 'device_fault'};
    if (!(error instanceof Refused)) console.warn(error.name, error.message);
    const all = [...this.root.querySelectorAll('template[data-failure]')];
    const kept = all.find(t => t.dataset.failure === said.reason) || all.find(t => t.dataset.failure === 'our_fault');
    const at = this.root.querySelector('[data-state=failed]');
    const put = (name, text) => { at.querySelector(`[data-${name}]`).textContent = text; };
    put('title', said.title || kept.dataset.title);
    put('what', said.what || kept.dataset.what);
    put('do', said.do || kept.dataset.do || '');
    if (said.reference) put('reference', said.reference);
    const kinds = at.querySelector('[data-kinds]');
    if (kinds) kinds.hidden = !aboutKinds.includes(said.reason);
    if (said.time) put('time', said.time);
    else stamp(at.querySelector('[data-time]'));
    this.show('failed');
  }
}

// stamp writes the time now into at, in the form that the server writes and in
// the page's words.
function stamp(at) {
  const t = new Date();
  const {form, months} = at.dataset;
  const parts = {
    day: t.getUTCDate(),
    month: months.split('|')[t.getUTCMonth()],
    year: t.getUTCFullYear(),
    clock: t.toISOString().slice(11, 16),
  };
  at.textContent = form.replace(/\{(\w+)\}/g, (_, name) => parts[name]);
}

// wait shows that the browser's window is open, and for whom.
export function wait(stage, name = '') {
  const shown = stage.show('waiting');
  const typed = shown.querySelector('[data-typed]');
  if (typed) {
    typed.hidden = !name;
    typed.querySelector('[data-name]').textContent = name;
  }
}
