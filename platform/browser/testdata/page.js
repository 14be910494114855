// What a relying party's page does, with answers as JSON for the test.
'use strict';

const bytes = (text) => new TextEncoder().encode(text);
let aborting = new AbortController();
let answer = null; // of the last begin
let done = true;

const ways = {
  create: (options) => navigator.credentials.create({
    signal: aborting.signal,
    publicKey: {
      rp: {id: 'cardea.localhost', name: 'Cardea'},
      user: {id: bytes('user of the test'), name: 'ana', displayName: 'Ana'},
      challenge: bytes('challenge of create'),
      pubKeyCredParams: [{type: 'public-key', alg: -7}],
      authenticatorSelection: {residentKey: 'required', requireResidentKey: true, userVerification: 'required'},
      extensions: {credProps: true},
      ...options,
    },
  }),
  get: (options) => navigator.credentials.get({
    signal: aborting.signal,
    publicKey: {rpId: 'cardea.localhost', challenge: bytes('challenge of get'), userVerification: 'required', ...options},
  }),
};

function begin(way, options) {
  aborting = new AbortController();
  done = false;
  answer = ways[way](options)
    .then((c) => ({...c.toJSON(), extensions: c.getClientExtensionResults()}), (e) => ({error: e.name, message: e.message}))
    .finally(() => { done = true; });
  return true;
}
