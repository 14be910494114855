package authenticator_test

import (
	"testing"

	"cardea/authenticator"
	"cardea/authenticator/authtest"
	"cardea/authenticator/vault/vaulttest"
	"cardea/ctap"
)

// A passkey that credProtect hides was made through one face of a vault. The
// other face, which verifies everybody in any case, must not make a second one in
// its place: the site that named it would lose the key it knows.
func TestAPhoneExcludesWhatCredProtectHides(t *testing.T) {
	t.Parallel()
	vault, person := new(vaulttest.Memory), authtest.NewPerson()
	key := authenticator.New(authenticator.Config{Profile: authenticator.SecurityKey, BuiltInUV: true, Vault: vault, Person: person})
	phone := rig{t, authenticator.New(authenticator.Config{Vault: vault, Person: person}), vault, person}
	hidden, err := rig{t, key, vault, person}.make(func(m *ctap.MakeCredentialRequest) {
		m.Extensions = exts(map[string]any{"credProtect": 3})
	})
	if err != nil {
		t.Fatal(err)
	}
	plain := phone.made("ben", true)
	list := []ctap.CredentialDescriptor{descriptor(authData(t, hidden.AuthData).Attested.ID)}
	exclude := func(m *ctap.MakeCredentialRequest) { m.ExcludeList = list }

	_, err = phone.make(exclude)
	wantStatus(t, err, ctap.CredentialExcluded)
	if p := last(person); p.Kind != authenticator.AlreadyHere || !p.Verify {
		t.Errorf("asked %+v, want one who is verified to be told", p)
	}
	person.Script(authtest.Decline)
	_, err = phone.make(exclude)
	wantStatus(t, err, ctap.OperationDenied) // nobody was verified, so nothing is told

	list = append(list, descriptor(plain))
	_, err = phone.make(exclude)
	wantStatus(t, err, ctap.CredentialExcluded)
	if p := last(person); p.Kind != authenticator.AlreadyHere || p.Verify {
		t.Errorf("asked %+v, want a plain word about the plain one", p)
	}
	if n := len(phone.stored()); n != 2 {
		t.Errorf("%d passkeys, want both still", n)
	}
}

func last(p *authtest.Person) authenticator.Prompt {
	asked := p.Asked()
	return asked[len(asked)-1]
}
