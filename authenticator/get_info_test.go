package authenticator_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cardea/authenticator"
	"cardea/authenticator/authtest"
	"cardea/authenticator/vault/vaulttest"
	"cardea/ctap"
	"cardea/ctap/pinuv"
	"cardea/webauthn"
)

func enterpriseKey(t *testing.T) keyRig {
	t.Helper()
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	memory, person := new(vaulttest.Memory), authtest.NewPerson()
	a := authenticator.New(authenticator.Config{
		AAGUID: authenticator.AAGUIDComputer, Profile: authenticator.SecurityKey, Vault: memory, Person: person,
		Enterprise: &authenticator.Enterprise{Signer: signer, Chain: [][]byte{certificateOf(t, signer)}, RPIDs: []webauthn.RPID{rpID}},
	})
	return keyRig{rig{t, a, memory, person}, nil}
}

// states are keys in every state that getInfo tells of.
func states(t *testing.T) map[string]ctap.Info {
	fresh, protected, always, forced, locked := newKeyRig(t), withPIN(t), withPIN(t), withPIN(t), withPIN(t)
	always.must(always.configureWithPIN(ctap.ConfigAlwaysUV, nil))
	forced.must(forced.configureWithPIN(ctap.ConfigMinPINLength, map[int]any{1: 20, 4: true}))
	locked.powerCycle()
	enterprise, enabled := enterpriseKey(t), enterpriseKey(t)
	enabled.must(enabled.configure(nil, ctap.ConfigEnterprise, nil))
	verifying := uvKey(t, nil).setPIN()
	finger := newBioRig(t)
	finger.enroll("thumb")
	phone, _, _ := authtest.New()
	out := map[string]ctap.Info{"phone": phone.Info()}
	for name, r := range map[string]keyRig{
		"fresh": fresh, "protected": protected, "alwaysUv": always, "forced": forced, "locked": locked,
		"enterprise": enterprise, "enterprise enabled": enabled,
		"verifying": verifying, "largeBlob": blobKey(t),
		"finger": finger.keyRig, "no finger": newBioRig(t).keyRig,
	} {
		info, err := ctap.GetInfo(t.Context(), r.device())
		r.must(err)
		if d := cmp.Diff(r.a.Info(), info); d != "" {
			t.Errorf("%s: Info and getInfo differ: %s", name, d)
		}
		out[name] = info
	}
	return out
}

// The rules of CTAP §6.4 and §7 that bind members to each other.
func TestInfoIsConsistent(t *testing.T) {
	t.Parallel()
	has := func(i ctap.Info, option string) bool { _, ok := i.Options[option]; return ok }
	ext := func(i ctap.Info, name string) bool { return slices.Contains(i.Extensions, name) }
	cmd := func(i ctap.Info, c uint) bool { return slices.Contains(i.ConfigCommands, c) }
	implies := func(a, b bool) bool { return !a || b }
	rules := map[string]func(ctap.Info) bool{
		"FIDO_2_2 is not a version": func(i ctap.Info) bool { return !slices.Contains(i.Versions, "FIDO_2_2") },
		"an option only with clientPin": func(i ctap.Info) bool {
			return implies(has(i, "noMcGaPermissionsWithClientPin"), has(i, "clientPin"))
		},
		"uvBioEnroll with bioEnroll": func(i ctap.Info) bool { return implies(i.Options["uvBioEnroll"], has(i, "bioEnroll")) },
		"uvAcfg with authnrCfg":      func(i ctap.Info) bool { return implies(i.Options["uvAcfg"], i.Options["authnrCfg"]) },
		"alwaysUv without makeCredUvNotRqd": func(i ctap.Info) bool {
			return implies(i.Options["alwaysUv"], !i.Options["makeCredUvNotRqd"])
		},
		"alwaysUv without U2F": func(i ctap.Info) bool {
			return implies(i.Options["alwaysUv"] && !i.Options["uv"], !slices.Contains(i.Versions, "U2F_V2"))
		},
		"setMinPINLength with all that belongs to it": func(i ctap.Info) bool {
			set := i.Options["setMinPINLength"]
			return set == ext(i, "minPinLength") && set == (i.MaxRPIDsForMinPINLength != 0) && set == cmd(i, 3)
		},
		"ep has its command":          func(i ctap.Info) bool { return has(i, "ep") == cmd(i, 1) },
		"command 2 with alwaysUv":     func(i ctap.Info) bool { return implies(cmd(i, 2), has(i, "alwaysUv")) },
		"command 4 with its member":   func(i ctap.Info) bool { return implies(cmd(i, 4), i.LongTouchForReset != nil) },
		"commands with authnrCfg":     func(i ctap.Info) bool { return implies(len(i.ConfigCommands) != 0, i.Options["authnrCfg"]) },
		"clientPin with minPINLength": func(i ctap.Info) bool { return has(i, "clientPin") == (i.MinPINLength >= 4) },
		"PIN members with clientPin": func(i ctap.Info) bool {
			return implies(i.MaxPINLength != 0 || i.PINComplexityPolicy != nil || i.ForcePINChange, has(i, "clientPin"))
		},
		"maxPINLength in range": func(i ctap.Info) bool {
			return i.MaxPINLength == 0 || i.MaxPINLength >= 8 && i.MaxPINLength <= 63
		},
		"credBlob with credProtect and a length": func(i ctap.Info) bool {
			return ext(i, "credBlob") == (i.MaxCredBlobLength >= 32) && implies(ext(i, "credBlob"), ext(i, "credProtect"))
		},
		"largeBlobKey with largeBlobs": func(i ctap.Info) bool {
			return ext(i, "largeBlobKey") == i.Options["largeBlobs"] && i.Options["largeBlobs"] == (i.MaxSerializedLargeBlob >= 1024)
		},
		"largeBlob excludes largeBlobKey": func(i ctap.Info) bool {
			return !ext(i, "largeBlob") || !ext(i, "largeBlobKey") && !has(i, "largeBlobs") && i.MaxSerializedLargeBlob == 0
		},
		"FIDO_2_3 with hmac-secret": func(i ctap.Info) bool {
			return implies(slices.Contains(i.Versions, "FIDO_2_3"), ext(i, "hmac-secret"))
		},
		"no list is empty or repeats": func(i ctap.Info) bool {
			for _, l := range [][]string{i.Versions, i.Extensions, i.Transports, i.AttestationFormats} {
				if len(l) == 0 || len(slices.Compact(slices.Sorted(slices.Values(l)))) != len(l) {
					return false
				}
			}
			return true
		},
		"formats never name none": func(i ctap.Info) bool { return !slices.Contains(i.AttestationFormats, "none") },
		"rk with clientPin or uv": func(i ctap.Info) bool { return implies(i.Options["rk"], has(i, "clientPin") || has(i, "uv")) },
		"a PIN with credProtect":  func(i ctap.Info) bool { return implies(has(i, "clientPin"), ext(i, "credProtect")) },
		"a PIN with tokens":       func(i ctap.Info) bool { return implies(i.Options["clientPin"], i.Options["pinUvAuthToken"]) },
		"a PIN with credMgmt":     func(i ctap.Info) bool { return implies(has(i, "clientPin") && i.Options["rk"], i.Options["credMgmt"]) },
		"protocol two where any is": func(i ctap.Info) bool {
			return has(i, "clientPin") == slices.Contains(i.PinUvAuthProtocols, 2)
		},
		"uv with its members": func(i ctap.Info) bool {
			return implies(has(i, "uvAcfg"), has(i, "uv") && i.UVModality != 0 && i.PreferredUVAttempts != 0)
		},
		"hmac-secret, or prf": func(i ctap.Info) bool { return ext(i, "hmac-secret") != ext(i, "prf") },
	}
	for state, info := range states(t) {
		for rule, holds := range rules {
			if !holds(info) {
				t.Errorf("%s: %s: %+v", state, rule, info)
			}
		}
	}
}

func TestInfoIsLive(t *testing.T) {
	t.Parallel()
	s := states(t)
	for _, tt := range []struct {
		state, option string
		want          bool
	}{
		{"fresh", "clientPin", false}, {"protected", "clientPin", true}, {"locked", "clientPin", true},
		{"fresh", "alwaysUv", false}, {"alwaysUv", "alwaysUv", true},
		{"enterprise", "ep", false}, {"enterprise enabled", "ep", true},
	} {
		if got, given := s[tt.state].Options[tt.option]; !given || got != tt.want {
			t.Errorf("%s: %s = %v, %v, want %v", tt.state, tt.option, got, given, tt.want)
		}
	}
	if f := s["forced"]; !f.ForcePINChange || f.MinPINLength != 20 || !*f.PINComplexityPolicy || s["protected"].ForcePINChange {
		t.Errorf("forced: %+v", f)
	}
	if _, given := s["fresh"].Options["ep"]; given {
		t.Error("ep without an enterprise")
	}
	if got := s["fresh"].PinUvAuthProtocols; !slices.Equal(got, []uint{uint(pinuv.Two), uint(pinuv.One)}) {
		t.Errorf("protocols %v, want the better first", got)
	}
}

func TestInfoFitsTheWayThere(t *testing.T) {
	t.Parallel()
	s := states(t)
	for _, tt := range []struct {
		state      string
		size       uint
		transports []string
	}{
		{"fresh", 7609, []string{"usb"}}, // CTAP §11.2.4: 57 + 128 * 59
		{"verifying", 7609, []string{"usb"}},
		{"phone", ctap.MaxMessage, []string{"internal", "hybrid"}},
	} {
		if got := s[tt.state]; got.MaxMsgSize != tt.size || !slices.Equal(got.Transports, tt.transports) {
			t.Errorf("%s: %d bytes by %v, want %d by %v", tt.state, got.MaxMsgSize, got.Transports, tt.size, tt.transports)
		}
	}
}
