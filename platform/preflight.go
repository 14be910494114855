package platform

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"cardea/ctap"
	"cardea/webauthn"
)

// preflight makes a list of passkeys short enough for a security key. It asks
// the key, without a touch, which one it holds, and returns that one, or none.
// What it finds goes to the key and nowhere else. A device or a phone has no
// such limits and would ask its person each time, so its list stays whole.
func preflight(ctx context.Context, conn Connection, rp webauthn.RPID, list []ctap.CredentialDescriptor, p proof) ([]ctap.CredentialDescriptor, error) {
	if conn.Transport() != webauthn.TransportUSB || len(list) == 0 {
		return list, nil
	}
	info := conn.Info()
	if longest := int(info.MaxCredentialIDLength); longest > 0 {
		list = slices.DeleteFunc(slices.Clone(list), func(d ctap.CredentialDescriptor) bool { return len(d.ID) > longest })
	}
	atOnce := max(1, int(info.MaxCredentialCountInList))
	if len(list) == 1 {
		return list, nil
	}
	hash := make([]byte, 32) // a signature over it is of no use to anybody
	silent := ctap.GetAssertionRequest{RPID: rp, ClientDataHash: hash, Options: map[string]bool{"up": false}}
	// Some passkeys show themselves only to who knows the PIN (CTAP §12.1).
	silent.PinUvAuthParam, silent.PinUvAuthProtocol = p.of(hash)
	for batch := range slices.Chunk(list, atOnce) {
		silent.AllowList = batch
		r, err := ctap.GetAssertion(ctx, conn, silent)
		var status ctap.Status
		switch {
		case err == nil && r.Credential != nil:
			return []ctap.CredentialDescriptor{{Type: webauthn.PublicKeyType, ID: r.Credential.ID}}, nil
		case err == nil && len(batch) == 1:
			return batch, nil
		case err == nil:
			return nil, &refused{reason: ReasonUnexpected, err: errors.New("the key does not say which passkey it holds")}
		case errors.As(err, &status) && (status == ctap.NoCredentials || status == ctap.InvalidCredential):
			continue
		default:
			return nil, fmt.Errorf("asking the key: %w", err)
		}
	}
	return nil, nil
}

// touch tells the person that a key is about to wait for them.
func (s *session) touch(conn Connection) {
	if conn.Transport() == webauthn.TransportUSB {
		s.dialog.Show(Screen{Sort: ScreenProgress, Kind: SecurityKey, Progress: Progress{Stage: StageTouchKey}})
	}
}
