package directory

import (
	"slices"
	"strings"

	"cardea/webauthn"
)

// A ProviderKind is what sort of thing keeps a passkey.
type ProviderKind string

// The kinds of providers.
const (
	ProviderPhone    ProviderKind = "phone"    // an app on a phone
	ProviderManager  ProviderKind = "manager"  // a password manager, wherever it runs
	ProviderComputer ProviderKind = "computer" // a computer's own
	ProviderKey      ProviderKind = "key"      // a thing to plug in or tap
)

// A Provider is what keeps a passkey, as its person knows it.
type Provider struct {
	Name string
	Kind ProviderKind
}

// ProviderOf returns who the AAGUID claims to be; ok is false if we do not know
// it. Without a verified attestation it is no more than a name to show.
func ProviderOf(a webauthn.AAGUID) (p Provider, ok bool) {
	p, ok = providers[a]
	return p, ok
}

// ProviderNamed returns the AAGUIDs of the provider of that name, in any case;
// none if we do not know it.
func ProviderNamed(name string) []webauthn.AAGUID {
	for _, row := range providerTable {
		if strings.EqualFold(row.Name, name) {
			return row.parsed()
		}
	}
	return nil
}

// ProviderNames returns the name of each provider that is one of those AAGUIDs,
// once, in the order of our table. others reports that there are some among
// them that we have no name for.
func ProviderNames(of []webauthn.AAGUID) (names []string, others bool) {
	for _, row := range providerTable {
		if slices.ContainsFunc(row.parsed(), func(a webauthn.AAGUID) bool { return slices.Contains(of, a) }) {
			names = append(names, row.Name)
		}
	}
	for _, a := range of {
		if _, known := ProviderOf(a); !known {
			others = true
		}
	}
	return names, others
}

// AllProviderNames returns the names that ProviderNamed knows.
func AllProviderNames() []string {
	var names []string
	for _, row := range providerTable {
		names = append(names, row.Name)
	}
	return names
}

// providers is by AAGUID, gathered by name and kind in providerTable.
var providers = func() map[webauthn.AAGUID]Provider {
	all := map[webauthn.AAGUID]Provider{}
	for _, row := range providerTable {
		for _, a := range row.parsed() {
			all[a] = row.Provider
		}
	}
	return all
}()

type providerRow struct {
	Provider
	aaguids []string
}

func (r providerRow) parsed() []webauthn.AAGUID {
	var all []webauthn.AAGUID
	for _, id := range r.aaguids {
		all = append(all, webauthn.MustParseAAGUID(id))
	}
	return all
}

// providerTable names the providers that people are most likely to hold. The
// names and numbers are those that the makers publish, or that the community's
// list of passkey providers has.
var providerTable = []providerRow{
	{Provider{"Cardea Authenticator on iPhone", ProviderPhone}, []string{"3fd0e7a2-5c1b-4b0e-9d57-0c4f5a2e17a1"}},
	{Provider{"Cardea Authenticator on Android", ProviderPhone}, []string{"8c61b9d4-02f7-4e53-8a9e-6b1d4e7c3f52"}},
	{Provider{"Cardea Authenticator on a computer", ProviderComputer}, []string{"b5a2c9e0-7d34-4f68-91c2-2f8e0d6a4b93"}},

	{Provider{"Microsoft Authenticator on iPhone", ProviderPhone}, []string{"90a3ccdf-635c-4729-a248-9b709135078f"}},
	{Provider{"Microsoft Authenticator on Android", ProviderPhone}, []string{"de1e552d-db1d-4423-a619-566b625cdc84"}},
	{Provider{"Samsung Pass", ProviderPhone}, []string{"53414d53-554e-4700-0000-000000000000"}},
	{Provider{"Thales Bio on iPhone", ProviderPhone}, []string{"66a0ccb3-bd6a-191f-ee06-e375c50b9846"}},
	{Provider{"Thales Bio on Android", ProviderPhone}, []string{"8836336a-f590-0921-301d-46427531eee6"}},
	{Provider{"Thales PIN on iPhone", ProviderPhone}, []string{"17290f1e-c212-34d0-1423-365d729f09d9"}},
	{Provider{"Thales PIN on Android", ProviderPhone}, []string{"cd69adb5-3c7a-deb9-3177-6800ea6cb72a"}},
	{Provider{"IDmelon", ProviderPhone}, []string{"39a5647e-1853-446c-a1f6-a79bae9f5bc7"}},

	{Provider{"iCloud Keychain", ProviderManager}, []string{"fbfc3007-154e-4ecc-8c0b-6e020557d7bd"}},
	{Provider{"iCloud Keychain (managed)", ProviderManager}, []string{"dd4ec289-e01d-41c9-bb89-70fa845d4bf2"}},
	{Provider{"Google Password Manager", ProviderManager}, []string{"ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4"}},
	{Provider{"Microsoft Password Manager", ProviderManager}, []string{"d3452668-01fd-4c12-926c-83a4204853aa"}},
	{Provider{"1Password", ProviderManager}, []string{"bada5566-a7aa-401f-bd96-45619a55120d"}},
	{Provider{"Bitwarden", ProviderManager}, []string{"d548826e-79b4-db40-a3d8-11116f7e8349"}},
	{Provider{"Dashlane", ProviderManager}, []string{"531126d6-e717-415c-9320-3d9aa6981239"}},
	{Provider{"Enpass", ProviderManager}, []string{"f3809540-7f14-49c1-a8b3-8f813b225541"}},
	{Provider{"KeePassDX", ProviderManager}, []string{"eaecdef2-1c31-5634-8639-f1cbd9c00a08"}},
	{Provider{"KeePassXC", ProviderManager}, []string{"fdb141b2-5d84-443e-8a35-4698c205a502"}},
	{Provider{"Keeper", ProviderManager}, []string{"0ea242b4-43c4-4a1b-8b17-dd6d0b6baec6"}},
	{Provider{"LastPass", ProviderManager}, []string{"b78a0a55-6ef8-d246-a042-ba0f6d55050c"}},
	{Provider{"NordPass", ProviderManager}, []string{"b84e4048-15dc-4dd0-8640-f4f60813c8af"}},
	{Provider{"Proton Pass", ProviderManager}, []string{"50726f74-6f6e-5061-7373-50726f746f6e"}},

	{Provider{"Windows Hello", ProviderComputer}, []string{
		"08987058-cadc-4b81-b6e1-30de50dcbe96", "9ddd1817-af5a-4672-a2b9-3e3dd95000a9", "6028b017-b1d4-4c02-b4b3-afcdafc96bb2"}},
	{Provider{"Chrome on Mac", ProviderComputer}, []string{"adce0002-35bc-c60a-648b-0b25f1f05503"}},
	{Provider{"Edge on Mac", ProviderComputer}, []string{"771b48fd-d3d4-4f74-9232-fc157ab0507a"}},
	{Provider{"Chromium", ProviderComputer}, []string{"b5397666-4885-aa6b-cebf-e52262a439a2"}},

	{Provider{"YubiKey 5", ProviderKey}, []string{
		"cb69481e-8ff7-4039-93ec-0a2729a154a8", "ee882879-721c-4913-9775-3dfcce97072a",
		"fa2b99dc-9e39-4257-8f92-4a30d23c4118", "2fc0579f-8113-47ea-b116-bb5a8db9202a"}},
	{Provider{"YubiKey 5Ci", ProviderKey}, []string{"c5ef55ff-ad9a-4b9f-b580-adebafe026d0"}},
	{Provider{"YubiKey 5 FIPS", ProviderKey}, []string{
		"73bb0cd4-e502-49b8-9c6f-b59445bf720b", "c1f9a0bc-1dd2-404a-b27f-8e29047a43fd", "85203421-48f9-4355-9bc8-8a53846e5083"}},
	{Provider{"YubiKey Bio", ProviderKey}, []string{"d8522d9f-575b-4866-88a9-ba99fa02f35b"}},
	{Provider{"Security Key by Yubico", ProviderKey}, []string{
		"f8a011f3-8c0a-4d15-8006-17111f9edc7d", "b92c3f9a-c014-4056-887f-140a2501163b",
		"149a2021-8ef6-4133-96b8-81f8d5b7f1f5", "6d44ba9b-f6ec-2e49-b930-0c8fe920cb73"}},
	{Provider{"Titan Security Key", ProviderKey}, []string{"42b4fb4a-2866-43b2-9bf7-6c6669c2e5d3"}},
}
