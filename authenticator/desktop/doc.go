// Package desktop is what a Linux desktop lends the passkey app, over D-Bus: a
// notification when something is asked, the fingerprint reader, and word that
// its person has gone.
//
//	session bus   org.freedesktop.Notifications   Notifier
//	system bus    net.reactivated.Fprint          Reader
//	system bus    org.freedesktop.login1          WatchSession
//
// # Notifications
//
// A Notice is on the screen from Notify until somebody chooses, or its context
// ends. What it offers depends on the server: one without actions can only be
// read. Servers that understand markup in the text get theirs escaped, for part
// of the text comes from sites. Notices are urgent, so that they stay until they
// are taken down, and transient, so that none is left in a list of old ones.
//
// # Fingerprints
//
// The reader is claimed for the length of one verification and released after
// it. It says whether the finger is one that the system knows for this user,
// which an administrator, or whoever can enroll fingers, has the last word on.
// So the app lets a finger stand for its person only where the passkeys are
// open, or are opened by a key that this computer keeps.
//
// # What it does not do
//
// It opens no window and never sees a secret. Each answer that has to come from
// another program is waited for ten seconds at most, except a person's.
//
// Desktop Notifications Specification 1.2; fprintd's and logind's D-Bus
// interfaces as their manuals describe them.
package desktop
