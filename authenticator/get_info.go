package authenticator

import (
	"slices"

	"cardea/ctap"
	"cardea/ctap/pinuv"
	"cardea/webauthn"
)

// Limits of a request, told in getInfo.
const (
	// maxList is how many descriptors a list may have: as many as browsers
	// allow a page to give.
	maxList = 64
	// maxName is how many bytes of a name are kept. CTAP §6.1.2 lets an
	// authenticator cut names; sites show their own.
	maxName = 128
)

// Info is the answer to getInfo (CTAP §6.4), as of now.
func (a *Authenticator) Info() ctap.Info {
	i := ctap.Info{
		Versions:                 []string{"FIDO_2_0", "FIDO_2_1"},
		AAGUID:                   slices.Clone(a.aaguid[:]),
		Options:                  map[string]bool{"rk": true, "up": true, "uv": true},
		MaxMsgSize:               ctap.MaxMessage,
		MaxCredentialCountInList: maxList,
		MaxCredentialIDLength:    webauthn.MaxCredentialID,
		Transports:               slices.Clone(a.transports),
		AttestationFormats:       []string{formatPacked},
		Extensions:               []string{extPRF},
	}
	for _, alg := range a.algorithms() {
		i.Algorithms = append(i.Algorithms, ctap.CredentialParameters{Alg: alg, Type: webauthn.PublicKeyType})
	}
	if a.keys != nil {
		a.describeKey(&i)
	}
	return i
}

// describeKey is what a security key has to say more, and otherwise.
func (a *Authenticator) describeKey(i *ctap.Info) {
	s := a.settings()
	i.Extensions = []string{
		extCredBlob, extCredProtect, extHMACSecret, extHMACSecretMC, extMinPIN, extComplexity, extPayment,
	}
	i.Options = map[string]bool{
		"rk": true, "up": true, "plat": false, "clientPin": a.keys.PINSet(), "pinUvAuthToken": true,
		"credMgmt": true, "perCredMgmtRO": true, "authnrCfg": true,
		"setMinPINLength": true, "alwaysUv": s.AlwaysUV, "makeCredUvNotRqd": !s.AlwaysUV,
	}
	if a.largeBlobExtension {
		i.Extensions = append(i.Extensions, extLargeBlob)
	} else {
		i.Extensions = append(i.Extensions, extLargeBlobKey)
		i.Options["largeBlobs"], i.MaxSerializedLargeBlob = true, maxLargeBlobs
	}
	if a.builtInUV {
		i.Options["uv"], i.Options["uvAcfg"] = a.uvReady(), true
		i.Options["noMcGaPermissionsWithClientPin"] = a.pinManagesOnly
		i.UVModality, i.PreferredUVAttempts = a.uvModality, uvAttempts
	}
	if a.sensor != nil {
		i.Options["bioEnroll"], i.Options["uvBioEnroll"] = s.Fingers != 0, true
	}
	if a.enterprise != nil {
		i.Options["ep"] = s.Enterprise
	}
	i.Versions = append(i.Versions, "FIDO_2_3")
	if a.u2f && !s.AlwaysUV { // CTAP §7.2.4: U2F cannot verify anybody
		i.Versions = append([]string{"U2F_V2"}, i.Versions...)
	}
	i.MaxMsgSize = maxMessageHID
	i.PinUvAuthProtocols = []uint{uint(pinuv.Two), uint(pinuv.One)}
	i.ForcePINChange, i.MinPINLength, i.MaxPINLength = s.ForceChange, s.MinPIN, pinuv.MaxPIN
	i.MaxCredBlobLength, i.MaxRPIDsForMinPINLength = maxCredBlob, maxMinPINSites
	i.LongTouchForReset, i.PINComplexityPolicy = &s.LongTouch, &s.Complexity
	i.TransportsForReset = slices.Clone(a.transports)
	i.ConfigCommands = a.configCommands()
	i.EncIdentifier, i.EncCredStoreState = a.recognizable()
}
