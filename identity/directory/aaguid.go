package directory

import "cardea/webauthn"

// DefaultPasskeyName is offered when the authenticator does not say what it is.
const DefaultPasskeyName = "Passkey"

// models names the authenticators that people are most likely to hold. It only
// ever names things: an AAGUID without a verified attestation is a claim.
var models = map[webauthn.AAGUID]string{
	aaguid("3fd0e7a2-5c1b-4b0e-9d57-0c4f5a2e17a1"): "Cardea Authenticator on iPhone",
	aaguid("8c61b9d4-02f7-4e53-8a9e-6b1d4e7c3f52"): "Cardea Authenticator on Android",
	aaguid("b5a2c9e0-7d34-4f68-91c2-2f8e0d6a4b93"): "Cardea Authenticator on a computer",

	aaguid("fbfc3007-154e-4ecc-8c0b-6e020557d7bd"): "iCloud Keychain",
	aaguid("dd4ec289-e01d-41c9-bb89-70fa845d4bf2"): "iCloud Keychain (managed)",
	aaguid("ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4"): "Google Password Manager",
	aaguid("adce0002-35bc-c60a-648b-0b25f1f05503"): "Chrome on Mac",
	aaguid("08987058-cadc-4b81-b6e1-30de50dcbe96"): "Windows Hello",
	aaguid("9ddd1817-af5a-4672-a2b9-3e3dd95000a9"): "Windows Hello",
	aaguid("6028b017-b1d4-4c02-b4b3-afcdafc96bb2"): "Windows Hello",
	aaguid("90a3ccdf-635c-4729-a248-9b709135078f"): "Microsoft Authenticator on iPhone",
	aaguid("de1e552d-db1d-4423-a619-566b625cdc84"): "Microsoft Authenticator on Android",
	aaguid("53414d53-554e-4700-0000-000000000000"): "Samsung Pass",
	aaguid("bada5566-a7aa-401f-bd96-45619a55120d"): "1Password",
	aaguid("d548826e-79b4-db40-a3d8-11116f7e8349"): "Bitwarden",
	aaguid("531126d6-e717-415c-9320-3d9aa6981239"): "Dashlane",
	aaguid("50726f74-6f6e-5061-7373-50726f746f6e"): "Proton Pass",
	aaguid("fdb141b2-5d84-443e-8a35-4698c205a502"): "KeePassXC",
	aaguid("2fc0579f-8113-47ea-b116-bb5a8db9202a"): "YubiKey 5",
	aaguid("cb69481e-8ff7-4039-93ec-0a2729a154a8"): "YubiKey 5",
	aaguid("ee882879-721c-4913-9775-3dfcce97072a"): "YubiKey 5",
	aaguid("fa2b99dc-9e39-4257-8f92-4a30d23c4118"): "YubiKey 5",
}

func aaguid(s string) webauthn.AAGUID { return webauthn.MustParseAAGUID(s) }

// OfferName returns the name to suggest for a new passkey, never empty. The
// zero AAGUID is nobody's and gets the default.
func OfferName(a webauthn.AAGUID) string {
	if name, ok := models[a]; ok {
		return name
	}
	return DefaultPasskeyName
}
