// Browsers from before 2025 have passkeys, and no way to read and write them as
// JSON (WebAuthn §5.1.8 and §5.1.9). Here is one for them; others do not load it.
const bytes = text => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), c => c.charCodeAt(0));
const text = buffer => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '');
const withID = o => ({...o, id: bytes(o.id)});

// read makes options of what the server sent.
export function read(o) {
  const options = {...o, challenge: bytes(o.challenge)};
  if (o.user) options.user = withID(o.user);
  for (const list of ['allowCredentials', 'excludeCredentials']) if (o[list]) options[list] = o[list].map(withID);
  return options;
}

// write makes what the server reads of a passkey's answer.
export function write(credential) {
  const {id, rawId, type, response: r} = credential;
  const response = {transports: r.getTransports?.()};
  for (const name of ['clientDataJSON', 'attestationObject', 'authenticatorData', 'signature', 'userHandle']) {
    if (r[name]) response[name] = text(r[name]);
  }
  return {
    id, rawId: text(rawId), type, response, clientExtensionResults: credential.getClientExtensionResults(),
    authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
  };
}
