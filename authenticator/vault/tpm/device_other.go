//go:build !linux

package tpm

import "github.com/google/go-tpm/tpm2/transport"

// openDevice knows only Linux.
func openDevice() (transport.TPMCloser, error) { return nil, ErrNoTPM }
