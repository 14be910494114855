package authenticator

import (
	"bytes"

	"cardea/ctap"
)

// managementPreview is the number that credentialManagement had in CTAP 2.1's
// prototype. libfido2 1.12 and what is built with it, ssh-keygen -K for one,
// know no other; what follows it is the same.
const managementPreview = 0x41

// withoutPreview gives request the number of today.
func withoutPreview(request []byte) []byte {
	if len(request) == 0 || request[0] != managementPreview {
		return request
	}
	request = bytes.Clone(request)
	request[0] = byte(ctap.CmdCredentialManagement)
	return request
}
