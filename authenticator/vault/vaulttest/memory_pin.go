package vaulttest

import (
	"bytes"
	"context"
	"crypto/hmac"

	"cardea/authenticator"
	"cardea/webauthn"
)

// Find returns the passkey with an ID.
func (m *Memory) Find(ctx context.Context, id webauthn.CredentialID) (authenticator.Passkey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.readable(ctx); err != nil {
		return authenticator.Passkey{}, err
	}
	k := m.byID[string(id)]
	if k == nil {
		return authenticator.Passkey{}, authenticator.ErrNoPasskey
	}
	return copyOf(k.Passkey), nil
}

// PINSet reports whether there is a PIN.
func (m *Memory) PINSet() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.pin != nil
}

const maxRetries = 8

// Retries returns how many wrong PINs are left.
func (m *Memory) Retries() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maxRetries - m.misses
}

// UnlockHash tries a PIN.
func (m *Memory) UnlockHash(ctx context.Context, hash []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if m.misses == maxRetries {
		return authenticator.ErrPINBlocked
	}
	if m.misses++; !hmac.Equal(hash, m.pin) {
		if m.misses == maxRetries {
			return authenticator.ErrPINBlocked
		}
		return authenticator.ErrWrongPIN
	}
	m.misses, m.locked = 0, false
	return nil
}

// SetPINHash sets or changes the PIN.
func (m *Memory) SetPINHash(ctx context.Context, hash []byte, length int, settings []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.readable(ctx); err != nil {
		return err
	}
	m.pin, m.length, m.misses, m.settings = bytes.Clone(hash), length, 0, bytes.Clone(settings)
	return nil
}

// PINLength is how many code points the PIN has.
func (m *Memory) PINLength(ctx context.Context) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.length, m.readable(ctx)
}

// Settings returns the settings.
func (m *Memory) Settings() []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return bytes.Clone(m.settings)
}

// SetSettings replaces the settings.
func (m *Memory) SetSettings(ctx context.Context, settings []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.readable(ctx); err != nil {
		return err
	}
	m.settings = bytes.Clone(settings)
	return nil
}

// Note returns the note of a name.
func (m *Memory) Note(ctx context.Context, name string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.readable(ctx); err != nil {
		return nil, err
	}
	return bytes.Clone(m.notes[name]), nil
}

// SetNote replaces a note.
func (m *Memory) SetNote(ctx context.Context, name string, content []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.readable(ctx); err != nil {
		return err
	}
	if m.notes == nil {
		m.notes = map[string][]byte{}
	}
	m.notes[name] = bytes.Clone(content)
	return nil
}

// Reset forgets everything.
func (m *Memory) Reset(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	m.locked, m.byID, m.byRP, m.byAccount = false, nil, nil, nil
	m.pin, m.length, m.misses, m.settings, m.notes = nil, 0, 0, nil, nil
	return nil
}
