//go:build !linux

package app

import "net/http"

// checkUser lets everyone on this machine in: this system does not tell in a
// common way whose a connection is.
func checkUser(*http.Request) error { return nil }
