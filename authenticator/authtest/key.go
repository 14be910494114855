package authtest

import (
	"time"

	"cardea/authenticator"
	"cardea/authenticator/vault/vaulttest"
)

// NewKey returns a security key, with U2F and without a PIN, over an empty vault in memory. Its
// person follows a script and then touches. Nil for now is time.Now.
func NewKey(now func() time.Time, script ...Reply) (*authenticator.Authenticator, *vaulttest.Memory, *Person) {
	vault, person := new(vaulttest.Memory), NewPerson(script...)
	return authenticator.New(authenticator.Config{
		AAGUID: authenticator.AAGUIDComputer, Profile: authenticator.SecurityKey,
		Vault: vault, Person: person, Now: now, U2F: true,
	}), vault, person
}
