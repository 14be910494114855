// Package authenticator is the CTAP2 core of the passkey app: it makes
// passkeys, signs with them, and asks its person before either (CTAP 2.3
// Proposed Standard of February 2026; sections are cited as "CTAP §n").
//
//	one CTAP message -> Handle -> parse -> act -> one CTAP message
//	                                       │
//	                          Person ◂─────┴─────▸ Vault
//	                     (is asked, verifies)   (keeps passkeys)
//
// # What it is to a client
//
// One of two profiles. A Phone does user verification here, by the Person, and
// never by a PIN that a client types: getInfo offers rk and uv, no clientPin and
// no PIN/UV protocol, ES256 alone, and of the extensions prf, whose outputs are
// not signed. A SecurityKey takes its PIN from the client and only touches from
// its Person; what it has is in the next section.
//
// In both, passkeys that are made here are bound to this vault: the flags BE and
// BS are not set, and each has its own signature counter. One that came from
// another app (Passkey.Shared) says what it said there: BE and BS, and no count.
//
// # A security key
//
//	clientPIN             both protocols, permissions, RP binding, timers
//	makeCredential        ES256, EdDSA, ES384, RS256: the first the site asks for
//	getAssertion          several passkeys come one by one, the client chooses
//	credentialManagement  all of it, and the persistent read-only token
//	authenticatorConfig   enterprise attestation, alwaysUv, setMinPINLength,
//	                      long touch for reset
//	largeBlobs, reset     as CTAP §6.10 and §6.6 say; or, by Config, the
//	                      extension largeBlob of 2.3, which excludes the first
//	extensions            credProtect, hmac-secret, hmac-secret-mc, credBlob,
//	                      largeBlobKey, minPinLength, pinComplexityPolicy,
//	                      thirdPartyPayment
//	bioEnrollment         with a Sensor, which may be a simulated one
//	U2F                   on the same passkeys, through HandleU2F
//
// The PIN opens the vault: the hash that a client sends is what the vault's key
// is wrapped under. So after power-up the passkeys are out of reach until a
// client, or the Person, has given the PIN; what getInfo tells is kept where it
// can be read before. A silent request meanwhile is answered PUAT_REQUIRED. A
// touch that finds the vault locked asks the Person to unlock it.
//
// The three wrong PINs in a row that end all tries, the token, and the ten
// seconds in which a reset is allowed count from PowerCycle, or from New.
//
// # A person who is verified here
//
// With Config.BuiltInUV a security key has a screen of its own, with
// Config.Sensor it knows fingers: the Person is verified here, and the PIN is
// what a client falls back on. A client asks in one of two ways, and either is
// one question to the person:
//
//	option uv             MakePasskey or UsePasskey, with Verify
//	a token by UV (0x06)  Verify, which names the site and what is to be done;
//	                      what the token is used for in the next 30 seconds
//	                      needs no touch of its own
//
// After five times not recognized in a row only the PIN helps, which also
// forgives them. At a locked vault the question is Unlock instead.
//
// # What the flags mean
//
// UP is set if the person answered in this request, UV if they were verified:
// while answering, by unlocking the vault on the way, or by a token for which
// they gave their PIN. Nothing else sets them. Where a security key is asked for
// hmac-secret, unlocking alone does not set UV, because UV chooses the secret,
// and that must not depend on whether the vault was locked. A phone that is asked
// for prf verifies, wanted or not: there is one PRF (WebAuthn §10.1.4). Making a
// passkey on a phone always verifies the person, asked for or not; this takes the
// place of the refusal that CTAP §6.1.2 has for a request without user
// verification. A security key refuses.
//
// # Which passkey
//
// A phone has a screen, so an assertion without an allow list is put to them
// as a choice, and there is one answer, marked userSelected. Only a silent
// request (up false, uv false), which must not ask, can leave several
// assertions; the rest are fetched by getNextAssertion. After any other
// request getNextAssertion answers NOT_ALLOWED.
//
// A passkey made with rk false is kept in the vault like any other but is found
// only by its ID.
//
// # A registration that comes to nothing
//
// A new passkey is saved, and usable, before its answer leaves. If the site
// then does not take it, whoever learns so removes it with Vault.Delete by the
// credential ID in the answer; that is safe to repeat.
//
// # What it does not do
//
// No vendor commands, and of the prototypes of CTAP 2.1 only the old number of
// credentialManagement (0x41), which libfido2 1.12 uses. No uvCountSinceLastPinEntry: to count each use would be one more write.
// A security key claims FIDO_2_3, a phone does not, as it has no hmac-secret.
// Nobody may claim FIDO_2_2 (CTAP §6.4). Commands that a profile does not have
// answer INVALID_COMMAND, and unknown extensions are ignored.
package authenticator
