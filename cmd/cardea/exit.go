package main

import (
	"errors"

	"cardea/authenticator"
	"cardea/authenticator/agent"
	"cardea/authenticator/exchange"
	"cardea/authenticator/manage"
	"cardea/authenticator/vault"
)

// How the program ends; the manual page says so too.
const (
	exitDone     = 0
	exitFailed   = 1
	exitMisused  = 2
	exitWrong    = 3 // secret or passphrase
	exitBlocked  = 4
	exitNotFound = 5 // no such passkey, no vault, or words that fit several
	exitInUse    = 6
)

// exits are what the manual page says of the end.
var exits = []struct {
	status int
	says   string
}{
	{exitDone, "Done."},
	{exitFailed, "It could not be done; standard error says why. Of \"authenticator status\": the app does not run."},
	{exitMisused, "The command line could not be understood."},
	{exitWrong, "The PIN or the passphrase was wrong, or cannot be one."},
	{exitBlocked, "The vault is blocked after too many wrong PINs."},
	{exitNotFound, "There is no such passkey, the words fit several, or there is no vault."},
	{exitInUse, "Another program has the vault open, and does not answer on the agent's socket."},
}

// exitStatus is what a script learns of an error.
func exitStatus(err error) int {
	var wrong *vault.PINError
	var several *manage.AmbiguousError
	is := func(errs ...error) bool {
		for _, e := range errs {
			if errors.Is(err, e) {
				return true
			}
		}
		return false
	}
	switch {
	case errors.As(err, &wrong), is(vault.ErrPolicy, exchange.ErrPassphrase, exchange.ErrWeakPassphrase):
		return exitWrong
	case is(vault.ErrBlocked):
		return exitBlocked
	case errors.As(err, &several), is(authenticator.ErrNoPasskey, vault.ErrNone):
		return exitNotFound
	case is(vault.ErrInUse):
		return exitInUse
	case err == nil:
		return exitDone
	}
	return exitFailed
}

// advise adds to an error of the vault's what can be done about it.
func advise(err error, p authenticatorPlace) error {
	advice := ""
	var wrong *vault.PINError
	switch {
	case err == nil:
		return err
	case errors.As(err, &wrong) && wrong.Retries == 1:
		advice = "one more wrong try blocks the vault for good"
	case errors.Is(err, vault.ErrBlocked):
		advice = "its passkeys are lost; to begin anew, run: cardea authenticator reset, and to bring back a backup after that: cardea authenticator restore"
	case errors.Is(err, vault.ErrNone):
		advice = "looked in " + p.Vault + "; to make one, start the app, or run: cardea authenticator pin set"
	case errors.Is(err, vault.ErrInUse):
		advice = "nothing answers on " + p.Agent + "; if the app listens elsewhere, say where with --agent"
	case errors.Is(err, agent.ErrNotRunning):
		advice = "start it with: cardea authenticator"
	case errors.Is(err, vault.ErrDamaged):
		advice = "leave its files as they are; a backup can be restored into another folder, named by --vault"
	case errors.Is(err, exchange.ErrNotBackup):
		advice = "if it is from another app, run: cardea authenticator import"
	case errors.Is(err, manage.ErrSecretSet):
		advice = "to change it, run: cardea authenticator pin change"
	case errors.Is(err, authenticator.ErrNoPasskey):
		advice = "to see what there is, run: cardea authenticator passkeys list"
	default:
		return err
	}
	return advised{err, advice}
}

// advised is an error with a word on what to do.
type advised struct {
	error
	advice string
}

func (a advised) Error() string { return a.error.Error() + "; " + a.advice }
func (a advised) Unwrap() error { return a.error }
