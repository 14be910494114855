//go:build !linux

package main

import "errors"

// relayLoadCommand needs /proc.
type relayLoadCommand struct{}

func (relayLoadCommand) Run(*session) error { return errors.New("relay-load needs Linux") }
