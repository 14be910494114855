// What this device can do with passkeys: asked of the browser, not told from its
// name. The words are in the page; this file chooses among them.

const call = window.PublicKeyCredential;
const ask = async question => {
  try {
    return await question();
  } catch {
    return undefined;
  }
};

// capable is the browser's own word (WebAuthn §5.1.7). A name that is missing
// leaves the question open; older browsers have two questions of their own.
async function capable() {
  const all = {...await ask(() => call.getClientCapabilities())};
  all.passkeyPlatformAuthenticator ??= await ask(() => call.isUserVerifyingPlatformAuthenticatorAvailable());
  all.conditionalGet ??= await ask(() => call.isConditionalMediationAvailable());
  return all;
}

// system is the name and version by the client hints, if there are any; the
// user agent's own text goes to the help desk and decides nothing.
async function system() {
  const hints = await ask(() => navigator.userAgentData.getHighEntropyValues(['platformVersion', 'fullVersionList']));
  if (!hints) return navigator.userAgent;
  let version = hints.platformVersion;
  if (hints.platform === 'Windows') version = parseInt(version) >= 13 ? '11' : '10';
  const browsers = (hints.fullVersionList || hints.brands).filter(b => !/not.a.brand/i.test(b.brand));
  return `${hints.platform} ${version}; ${browsers.map(b => `${b.brand} ${b.version}`).join(', ')}`;
}

const word = v => v === true ? 'yes' : v === false ? 'no' : 'unknown';

function show(leg, answer) {
  const at = document.querySelector(`[data-leg=${leg}]`);
  at.querySelector('[data-chip]').replaceWith(document.querySelector(`template[data-answer=${answer}]`).content.cloneNode(true));
  at.querySelector('[data-do]').hidden = answer === 'yes';
}

function summarize(lines) {
  const text = document.getElementById('summary');
  text.textContent = lines.join('\n');
  document.querySelector('[data-summary]').hidden = false;
  const button = document.querySelector('[data-copy-summary]');
  if (!navigator.clipboard) return;
  button.hidden = false;
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(text.textContent);
    const said = button.querySelector('[data-said]');
    said.textContent = said.dataset.said;
  });
}

const check = document.querySelector('[data-check]');
check.hidden = false;
document.querySelector('[data-none]').hidden = !!call;
const can = call ? await capable() : {};
const signals = ['signalUnknownCredential', 'signalAllAcceptedCredentials', 'signalCurrentUserDetails'];
const answers = {
  here: call ? word(can.passkeyPlatformAuthenticator ?? can.userVerifyingPlatformAuthenticator) : 'no',
  computer: call ? word(can.hybridTransport) : 'no',
  phone: 'unknown', // no page can ask what the camera does
  autofill: call ? word(can.conditionalGet) : 'no',
  signals: call ? word(signals.every(s => can[s] ?? s in call)) : 'no',
  remembers: 'unknown', // no browser says
  bluetooth: word(await ask(() => navigator.bluetooth.getAvailability())),
};
for (const [leg, answer] of Object.entries(answers)) show(leg, answer);
check.setAttribute('aria-busy', 'false');
summarize([new Date().toISOString(), await system(), ...Object.entries(answers).map(([k, v]) => `${k}: ${v}`),
  ...Object.entries(can).sort().map(([k, v]) => `${k}=${v}`)]);
