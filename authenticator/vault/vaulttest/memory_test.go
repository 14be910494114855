package vaulttest_test

import (
	"testing"

	"cardea/authenticator"
	"cardea/authenticator/vault/vaulttest"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	vaulttest.Run(t, vaulttest.Suite{
		Open: func(*testing.T) authenticator.Vault { return new(vaulttest.Memory) },
		Lock: func(_ *testing.T, v authenticator.Vault) { v.(*vaulttest.Memory).Lock() },
	})
}

func TestMemoryWithPIN(t *testing.T) {
	t.Parallel()
	vaulttest.RunPIN(t, vaulttest.PINSuite{
		Open: func(*testing.T) authenticator.PINVault { return new(vaulttest.Memory) },
		Reopen: func(_ *testing.T, v authenticator.PINVault) authenticator.PINVault {
			if v.PINSet() {
				v.(*vaulttest.Memory).Lock()
			}
			return v
		},
	})
}
