package web

import (
	"slices"

	"cardea/identity/directory"
	"cardea/identity/policy"
	"cardea/identity/web/words"
	"cardea/webauthn"
)

// Where says what kind of thing a passkey was saved on.
type Where string

// The places, as the script of the page that adds one knows them.
const (
	OnThisDevice   Where = "client-device"
	OnAPhone       Where = "hybrid"
	OnASecurityKey Where = "security-key"
	OnSomething    Where = "unknown"
)

// WhereIs returns where a passkey that was registered just now was saved, as
// far as the browser said.
func WhereIs(k directory.Passkey) Where {
	said := func(transport string) bool { return slices.Contains(k.Transports, transport) }
	switch {
	case k.Attachment == webauthn.AttachmentPlatform:
		return OnThisDevice
	case said(webauthn.TransportHybrid) && !said(webauthn.TransportUSB):
		return OnAPhone
	case said(webauthn.TransportUSB), said(webauthn.TransportNFC), said(webauthn.TransportBLE):
		return OnASecurityKey
	case said(webauthn.TransportInternal):
		return OnThisDevice
	}
	return OnSomething
}

// Kinds says which passkeys are taken here, by names that people know.
type Kinds struct {
	Work        []string // only these
	Others      bool     // and some that have no name
	Not         []string // all but these
	DeviceBound bool     // only those that stay on one device
}

// KindsOf returns what to say of rule, or nil if it takes any passkey.
func KindsOf(rule policy.Passkeys) *Kinds {
	if !rule.Restricts() {
		return nil
	}
	k := &Kinds{DeviceBound: rule.DeviceBoundOnly}
	if len(rule.Accept) > 0 {
		k.Work, k.Others = directory.ProviderNames(rule.Accepted())
	} else {
		k.Not, _ = directory.ProviderNames(rule.Refuse)
	}
	return k
}

// UsedWhere returns where a passkey was that somebody signed in with just now,
// by the browser's word on it (attachment, WebAuthn §5.4.5). One that lives on
// its phone is on this device when the phone itself signs in.
func UsedWhere(attachment string, k directory.Passkey) Where {
	switch attachment {
	case webauthn.AttachmentPlatform:
		return OnThisDevice
	case webauthn.AttachmentCrossPlatform:
		k.Attachment = ""
		if w := WhereIs(k); w != OnThisDevice {
			return w
		}
		return OnAPhone
	}
	return OnSomething
}

// providerOf says what keeps the passkey, by the name that its person knows.
func providerOf(k directory.Passkey) words.Text {
	if p, ok := directory.ProviderOf(k.AAGUID); ok {
		return words.Plain(p.Name)
	}
	return words.Say("security.no_maker")
}

// providerIcons are drawn for kinds: the signs of others are theirs.
var providerIcons = map[directory.ProviderKind]string{
	directory.ProviderPhone: "phone", directory.ProviderManager: "cloud",
	directory.ProviderComputer: "laptop", directory.ProviderKey: "key",
}
