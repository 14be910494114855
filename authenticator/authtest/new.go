package authtest

import (
	"cardea/authenticator"
	"cardea/authenticator/vault/vaulttest"
)

// Local is the caller that tests are.
var Local = authenticator.Caller{Via: "local", Name: "test"}

// New returns an Authenticator over an empty, unlocked vault in memory, whose
// person follows a script and then approves.
func New(script ...Reply) (*authenticator.Authenticator, *vaulttest.Memory, *Person) {
	vault, person := new(vaulttest.Memory), NewPerson(script...)
	return authenticator.New(authenticator.Config{
		AAGUID: authenticator.AAGUIDComputer, Vault: vault, Person: person,
	}), vault, person
}
