package vault

import (
	"cmp"
	"fmt"
	"slices"

	"cardea/authenticator"
	"cardea/internal/cbor"
	"cardea/internal/secret"
	"cardea/webauthn"
)

// An item is a passkey in memory: as it was written, and apart from that what
// it is found by and what changes. Items do not change: another takes the place
// of one, so that a log can be written from a list of items while the vault
// goes on.
type item struct {
	raw          []byte // a stored passkey; with the keys
	id, handle   string
	rp           webauthn.RPID
	created      int64
	number       uint64 // later saved, higher
	lastUsed     int64
	nickname     string
	count        uint32
	discoverable bool
	shared       bool // there are copies elsewhere: its count stays
	changed      bool // raw has not the last of count, lastUsed and nickname
}

// account is who a discoverable passkey is for.
type account struct {
	rp     webauthn.RPID
	handle string
}

func (i *item) account() account { return account{i.rp, i.handle} }

func (i *item) wipe() { clear(i.raw) }

// passkey copies i.
func (i *item) passkey() authenticator.Passkey {
	v, _, err := scan(i.raw)
	if err != nil {
		panic(fmt.Sprintf("vault: a passkey in memory is damaged: %v", err)) // it was read before
	}
	return authenticator.Passkey{
		ID: webauthn.CredentialID(i.id), RPID: i.rp, RPName: string(v.rpName),
		Account: authenticator.Account{
			Handle: webauthn.UserHandle(i.handle), Name: string(v.name), DisplayName: string(v.displayName),
		},
		Algorithm: webauthn.COSEAlgorithm(v.algorithm), PrivateKey: secret.New(v.privateKey),
		SignCount: i.count, Discoverable: i.discoverable, Nickname: i.nickname,
		CreatedAt: fromMillis(i.created), LastUsed: fromMillis(i.lastUsed),
		CredProtect: uint8(v.protect), HMACSecrets: keyOf(v.hmacSecrets),
		CredBlob: keyOf(v.credBlob), LargeBlobKey: keyOf(v.largeBlobKey),
		ThirdPartyPayment: v.payment, Shared: i.shared,
	}
}

// encoded is i as a new log has it.
func (i *item) encoded() []byte {
	if !i.changed {
		return i.raw
	}
	return cbor.MustEncode(store(i.passkey()))
}

// A group is items, oldest first; of one moment, the first saved first.
type group []*item

func older(a, b *item) int {
	return cmp.Or(cmp.Compare(a.created, b.created), cmp.Compare(a.number, b.number))
}

func (g *group) add(i *item) {
	if n := len(*g); n == 0 || older((*g)[n-1], i) < 0 {
		*g = append(*g, i) // as nearly always
		return
	}
	at, _ := slices.BinarySearchFunc(*g, i, older)
	*g = slices.Insert(*g, at, i)
}

func (g *group) remove(i *item) {
	if at, found := slices.BinarySearchFunc(*g, i, older); found {
		*g = slices.Delete(*g, at, at+1)
	}
}

// replace puts i where its older self is.
func (g group) replace(i *item) {
	if at, found := slices.BinarySearchFunc(g, i, older); found {
		g[at] = i
	}
}
