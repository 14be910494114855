package web

import (
	"slices"

	"cardea/identity/directory"
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
