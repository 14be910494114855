// Tells the person's passkey managers which passkeys this account has and what
// it is called, so that they offer no others.
import {signal} from './passkey.js';

const {rpId, user, name, displayName, accepted} = document.querySelector('[data-signals]').dataset;
const allAcceptedCredentialIds = accepted.split(' ').filter(Boolean);
if (allAcceptedCredentialIds.length) {
  await signal('signalAllAcceptedCredentials', {rpId, userId: user, allAcceptedCredentialIds});
}
await signal('signalCurrentUserDetails', {rpId, userId: user, name, displayName});
