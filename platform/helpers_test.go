package platform

import (
	"cardea/ctap"
	"cardea/internal/cbor"
)

func decodeAssertion(request []byte) (r ctap.GetAssertionRequest, err error) {
	err = cbor.Decode(request[1:], &r)
	return r, err
}

func encodeAssertion(r ctap.GetAssertionRequest) []byte {
	return append([]byte{byte(ctap.CmdGetAssertion)}, cbor.MustEncode(r)...)
}
