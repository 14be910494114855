// Package tpm lets a TPM 2.0 hold the key of a vault, so that the vault opens
// on this computer and nowhere else.
//
// # What it does
//
// The key is sealed under the storage root key: the ECC P-256 primary of the
// owner hierarchy by the TCG's standard template, made anew at each use, which
// always gives the same key as long as the TPM is not cleared. Nothing is left
// in the TPM. The blob that the vault keeps is
//
//	1 byte    1, the version
//	TPM2B     name of the storage root key
//	TPM2B     public area of the sealed object
//	TPM2B     its private area, which only that TPM can read
//
// The key passes between the program and the TPM only in HMAC sessions salted
// with the storage root key, which encrypt it (TPM 2.0 part 1, §19): whoever
// listens at the wires of a TPM on a board of its own learns nothing. Whoever
// can put a TPM of his own between is found out by the name in the blob.
//
// The object is fixed to this TPM (fixedTPM, fixedParent) and exempt from the
// dictionary attack lockout (noDA): there is nothing to guess, its
// authorization is empty, and a lockout that another program has brought about
// must not take the vault with it.
//
// # What it does not do
//
// It verifies nobody. Each program that may use the TPM and read the vault can
// have the key: what is kept out is a copy of the disk, or the disk in another
// computer. vault.Vault.UnlockBy says what follows from that.
//
// There is no policy of PCRs. It would bind the key to the firmware and to the
// kernel, change with each of their updates, and send the person back to the
// PIN and to a new enrollment each time, which teaches to do so without a
// thought. And it would not keep out the program that runs as the person, which
// is whom a passkey app has to fear; a thief with the whole computer still has
// to get past its disk encryption or log-in.
package tpm
