package vaulttest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"testing"

	"cardea/internal/secret"
)

// A KeyHolder is vault.KeyHolder, which this package cannot import.
type KeyHolder interface {
	Name() string
	Hold(ctx context.Context, vaultID []byte, key secret.Key) (blob []byte, err error)
	Give(ctx context.Context, vaultID, blob []byte) (secret.Key, error)
	Forget(ctx context.Context, vaultID, blob []byte) error
}

// Holder is a vault.KeyHolder that keeps its keys in memory.
type Holder struct {
	// Called is the name; empty is "memory".
	Called string
	// Lost is what Give says of a key it does not have.
	Lost error

	mu   sync.Mutex
	keys map[string][]byte
}

// Name returns h.Called or "memory".
func (h *Holder) Name() string {
	if h.Called == "" {
		return "memory"
	}
	return h.Called
}

// Hold keeps a copy of key.
func (h *Holder) Hold(ctx context.Context, vaultID []byte, key secret.Key) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.keys == nil {
		h.keys = map[string][]byte{}
	}
	blob := []byte(rand.Text())
	h.keys[string(vaultID)+string(blob)] = bytes.Clone(key.Expose())
	return blob, nil
}

// Give returns a copy of the key.
func (h *Holder) Give(ctx context.Context, vaultID, blob []byte) (secret.Key, error) {
	if err := ctx.Err(); err != nil {
		return secret.Key{}, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	k, there := h.keys[string(vaultID)+string(blob)]
	if !there {
		return secret.Key{}, h.lost()
	}
	return secret.New(k), nil
}

func (h *Holder) lost() error {
	if h.Lost == nil {
		return errors.New("no such key")
	}
	return h.Lost
}

// Forget destroys the key.
func (h *Holder) Forget(ctx context.Context, vaultID, blob []byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.keys, string(vaultID)+string(blob))
	return ctx.Err()
}

// Len returns how many keys h holds.
func (h *Holder) Len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.keys)
}

// RunHolder checks what every vault.KeyHolder must do. Open returns a holder
// that can be reached; those of one test keep their keys in one place. Lost is
// vault.ErrHolderLost. Forgets says that a forgotten key is gone from the
// holder even when its blob is shown again.
func RunHolder(t *testing.T, open func(t *testing.T) KeyHolder, lost error, forgets bool) {
	ctx, id := t.Context(), secret.Random(16).Expose()
	h := open(t)
	one, two := secret.Random(32), secret.Random(32)
	blobs := [][]byte{hold(t, h, id, one), hold(t, h, id, two)}
	for _, holder := range []KeyHolder{h, open(t)} {
		for i, want := range []secret.Key{one, two} {
			got, err := holder.Give(ctx, id, blobs[i])
			if err != nil || !got.Equal(want) {
				t.Fatalf("Give of key %d = %d bytes, %v; want what was given in", i, got.Len(), err)
			}
			if bytes.Contains(blobs[i], want.Expose()) {
				t.Error("the blob tells the key")
			}
		}
	}
	if _, err := h.Give(ctx, id, []byte("never seen")); !errors.Is(err, lost) {
		t.Errorf("Give of another's blob = %v, want %v", err, lost)
	}
	for range 2 {
		if err := h.Forget(ctx, id, blobs[0]); err != nil {
			t.Errorf("Forget = %v", err)
		}
	}
	if _, err := h.Give(ctx, id, blobs[0]); forgets && !errors.Is(err, lost) {
		t.Errorf("Give of what was forgotten = %v, want %v", err, lost)
	}
	if got, err := h.Give(ctx, id, blobs[1]); err != nil || !got.Equal(two) {
		t.Errorf("the other key: %v", err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := h.Give(ended, id, blobs[1]); !errors.Is(err, context.Canceled) {
		t.Errorf("Give = %v, want context.Canceled", err)
	}
}

func hold(t *testing.T, h KeyHolder, id []byte, key secret.Key) []byte {
	t.Helper()
	blob, err := h.Hold(t.Context(), id, key)
	if err != nil {
		t.Fatal(err)
	}
	return blob
}
