package ctap

import (
	"cardea/internal/cbor"
	"cardea/webauthn"
)

// A Request is a parsed request: a MakeCredentialRequest, a
// GetAssertionRequest, another …Request, or a bare Command that carries no map.
type Request interface {
	// Command says which command the request is for.
	Command() Command
}

// Command returns CmdMakeCredential.
func (MakeCredentialRequest) Command() Command { return CmdMakeCredential }

// Command returns CmdGetAssertion.
func (GetAssertionRequest) Command() Command { return CmdGetAssertion }

// Command returns c: some commands carry nothing.
func (c Command) Command() Command { return c }

// clientDataHashSize is the length of a SHA-256 hash.
const clientDataHashSize = 32

// ParseRequest reads what a client sent. Its error is always the Status to
// answer with; CTAP §8.2 has a status of its own for most ways to be wrong:
//
//	INVALID_LENGTH        nothing at all, or a map where none belongs
//	REQUEST_TOO_LARGE     more than MaxMessage
//	INVALID_COMMAND       a command that Cardea does not parse
//	INVALID_CBOR          not canonical CBOR, or bytes after the map
//	CBOR_UNEXPECTED_TYPE  a member of the wrong type
//	MISSING_PARAMETER     a required member is not there
//	INVALID_PARAMETER     a member has a value that no request may have
//
// Members that are not known are skipped, as future versions will bring some.
// What depends on the authenticator (options, algorithms, PIN/UV protocols) is
// not judged here.
func ParseRequest(request []byte) (Request, error) {
	if len(request) == 0 {
		return nil, InvalidLength
	}
	if len(request) > MaxMessage {
		return nil, RequestTooLarge
	}
	command, body := Command(request[0]), request[1:]
	switch command {
	case CmdMakeCredential:
		return parseAs(parseMakeCredential(body))
	case CmdGetAssertion:
		return parseAs(parseGetAssertion(body))
	case CmdClientPIN:
		return parseAs(parseClientPIN(body))
	case CmdCredentialManagement:
		return parseAs(parseManagement(body))
	case CmdBioEnrollment:
		return parseAs(parseBio(body))
	case CmdLargeBlobs:
		return parseAs(parseLargeBlobs(body))
	case CmdConfig:
		return parseAs(parseConfig(body))
	case CmdGetInfo, CmdGetNextAssertion, CmdSelection, CmdReset:
		if len(body) != 0 {
			return nil, InvalidLength
		}
		return command, nil
	}
	return nil, InvalidCommand
}

func parseAs[R Request](r R, err error) (Request, error) {
	if err != nil {
		return nil, err
	}
	return r, nil
}

// Members of two requests that need not be what CTAP §8 has of a message: the
// options, see takeOptions, and the extensions. The evalByCredential of prf, as
// browsers send it to a phone, lies one level deeper than the four of which an
// authenticator may expect no more.
var (
	ofMakeCredential = cbor.Allowance{Deeper: 6, AnyOrder: 7}
	ofGetAssertion   = cbor.Allowance{Deeper: 4, AnyOrder: 5}
)

func parseMakeCredential(body []byte) (MakeCredentialRequest, error) {
	m := parseMapAllowing[int64](body, ofMakeCredential)
	r := MakeCredentialRequest{
		ClientDataHash:     parseClientDataHash(m, 1),
		RP:                 parseRP(m.sub(2)),
		User:               parseUser(m.sub(3)),
		PubKeyCredParams:   parseList(m, 4, required, parseParameters),
		ExcludeList:        parseList(m, 5, optional, parseDescriptor),
		Extensions:         take[map[string]cbor.Raw](m, 6, optional),
		Options:            takeOptions(m, 7),
		PinUvAuthParam:     take[[]byte](m, 8, optional),
		PinUvAuthProtocol:  takeNumber(m, 9),
		Enterprise:         takeNumber(m, 10),
		AttestationFormats: take[[]string](m, 11, optional),
	}
	return r, *m.err
}

func parseGetAssertion(body []byte) (GetAssertionRequest, error) {
	m := parseMapAllowing[int64](body, ofGetAssertion)
	r := GetAssertionRequest{
		RPID:              take[webauthn.RPID](m, 1, required),
		ClientDataHash:    parseClientDataHash(m, 2),
		AllowList:         parseList(m, 3, optional, parseDescriptor),
		Extensions:        take[map[string]cbor.Raw](m, 4, optional),
		Options:           takeOptions(m, 5),
		PinUvAuthParam:    take[[]byte](m, 6, optional),
		PinUvAuthProtocol: takeNumber(m, 7),
	}
	if r.RPID == "" {
		m.fail(MissingParameter)
	}
	return r, *m.err
}

func parseClientDataHash(m members[int64], key int64) []byte {
	hash := take[[]byte](m, key, required)
	if len(hash) != clientDataHashSize {
		m.fail(InvalidParameter)
	}
	return hash
}

func parseRP(m members[string]) RPEntity {
	rp := RPEntity{ID: take[webauthn.RPID](m, "id", required), Name: take[string](m, "name", optional)}
	if rp.ID == "" {
		m.fail(MissingParameter) // an empty name is no name
	}
	return rp
}

func parseUser(m members[string]) UserEntity {
	u := UserEntity{
		ID:          take[[]byte](m, "id", required),
		Name:        take[string](m, "name", optional),
		DisplayName: take[string](m, "displayName", optional),
	}
	// WebAuthn §5.4.3: a handle of no bytes would be the same account for
	// everyone.
	if len(u.ID) == 0 || len(u.ID) > webauthn.MaxUserHandle {
		m.fail(InvalidParameter)
	}
	return u
}

func parseParameters(m members[string]) CredentialParameters {
	return CredentialParameters{
		Alg:  take[webauthn.COSEAlgorithm](m, "alg", required),
		Type: take[string](m, "type", required),
	}
}

func parseDescriptor(m members[string]) CredentialDescriptor {
	return CredentialDescriptor{
		ID:         take[[]byte](m, "id", required),
		Type:       take[string](m, "type", required),
		Transports: take[[]string](m, "transports", optional),
	}
}
