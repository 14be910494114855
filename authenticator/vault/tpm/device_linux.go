package tpm

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/google/go-tpm/tpm2/transport"
	"github.com/google/go-tpm/tpm2/transport/linuxtpm"
)

// The kernel's resource manager, so that programs do not get into each other's
// way. The bare device is for one at a time.
const device = "/dev/tpmrm0"

func openDevice() (transport.TPMCloser, error) { return openAt(device) }

func openAt(path string) (transport.TPMCloser, error) {
	t, err := linuxtpm.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: %w", ErrNoTPM, err)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("%w: %w", ErrNoPermission, err)
	}
	return t, err
}
