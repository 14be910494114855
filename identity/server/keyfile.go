package server

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"cardea/internal/secret"
)

// keySize is the size of the key in a key file, which holds it as base64url.
const keySize = 32

// What the keys that are derived from the key file are for. The provider derives
// the key that seals its signing keys by itself, under another label.
const (
	labelCookies    = "cardea account cookies"
	labelSignIn     = "cardea sign-in cookies"
	labelCeremonies = "cardea ceremonies"
	labelPasses     = "cardea access passes"
	labelRefresh    = "cardea refresh tokens"
	labelMarkers    = "cardea authorization markers"
)

// derive returns the key for what label says, of keySize bytes (RFC 5869). One
// says nothing about the others.
func derive(file secret.Key, label string) secret.Key {
	key, err := hkdf.Key(sha256.New, file.Expose(), nil, label, keySize)
	if err != nil {
		panic("server: internal error: " + err.Error()) // only for keys of more than 8 KB
	}
	defer clear(key)
	return secret.New(key)
}

// keyFile reads the key at path, making it if there is none. The caller holds
// the database, so nobody else makes one at the same time.
func keyFile(path string) (secret.Key, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return makeKeyFile(path)
	case err != nil:
		return secret.Key{}, fmt.Errorf("key file: %w", err)
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
		return secret.Key{}, fmt.Errorf("key file %s can be read by others: chmod 600 it", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return secret.Key{}, fmt.Errorf("key file: %w", err)
	}
	defer clear(text)
	key, err := base64.RawURLEncoding.Strict().DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != keySize {
		return secret.Key{}, fmt.Errorf("key file %s: want %d bytes as base64url", path, keySize)
	}
	return secret.New(key), nil
}

// makeKeyFile writes the file whole or not at all.
func makeKeyFile(path string) (_ secret.Key, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("making key file: %w", err)
		}
	}()
	key := secret.Random(keySize)
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return secret.Key{}, err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name()) // the error that matters is the one we have
		}
	}()
	_, err = f.WriteString(base64.RawURLEncoding.EncodeToString(key.Expose()) + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return secret.Key{}, err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return secret.Key{}, err
	}
	return key, nil
}
