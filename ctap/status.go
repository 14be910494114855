package ctap

import "fmt"

// A Status is the first byte of a response (CTAP §8.2). Every status but OK is
// an error.
type Status byte

// The status codes of CTAP §8.2 that are in use.
const (
	OK                     Status = 0x00
	InvalidCommand         Status = 0x01
	InvalidParameter       Status = 0x02
	InvalidLength          Status = 0x03
	InvalidSeq             Status = 0x04
	Timeout                Status = 0x05
	ChannelBusy            Status = 0x06
	LockRequired           Status = 0x0a
	InvalidChannel         Status = 0x0b
	CBORUnexpectedType     Status = 0x11
	InvalidCBOR            Status = 0x12
	MissingParameter       Status = 0x14
	LimitExceeded          Status = 0x15
	FPDatabaseFull         Status = 0x17
	LargeBlobStorageFull   Status = 0x18
	CredentialExcluded     Status = 0x19
	Processing             Status = 0x21
	InvalidCredential      Status = 0x22
	UserActionPending      Status = 0x23
	OperationPending       Status = 0x24
	NoOperations           Status = 0x25
	UnsupportedAlgorithm   Status = 0x26
	OperationDenied        Status = 0x27
	KeyStoreFull           Status = 0x28
	UnsupportedOption      Status = 0x2b
	InvalidOption          Status = 0x2c
	KeepaliveCancel        Status = 0x2d
	NoCredentials          Status = 0x2e
	UserActionTimeout      Status = 0x2f
	NotAllowed             Status = 0x30
	PINInvalid             Status = 0x31
	PINBlocked             Status = 0x32
	PINAuthInvalid         Status = 0x33
	PINAuthBlocked         Status = 0x34
	PINNotSet              Status = 0x35
	PUATRequired           Status = 0x36
	PINPolicyViolation     Status = 0x37
	RequestTooLarge        Status = 0x39
	ActionTimeout          Status = 0x3a
	UPRequired             Status = 0x3b
	UVBlocked              Status = 0x3c
	IntegrityFailure       Status = 0x3d
	InvalidSubcommand      Status = 0x3e
	UVInvalid              Status = 0x3f
	UnauthorizedPermission Status = 0x40
	Other                  Status = 0x7f
)

var statusNames = map[Status]string{
	OK: "OK", InvalidCommand: "INVALID_COMMAND", InvalidParameter: "INVALID_PARAMETER",
	InvalidLength: "INVALID_LENGTH", InvalidSeq: "INVALID_SEQ", Timeout: "TIMEOUT",
	ChannelBusy: "CHANNEL_BUSY", LockRequired: "LOCK_REQUIRED", InvalidChannel: "INVALID_CHANNEL",
	CBORUnexpectedType: "CBOR_UNEXPECTED_TYPE", InvalidCBOR: "INVALID_CBOR",
	MissingParameter: "MISSING_PARAMETER", LimitExceeded: "LIMIT_EXCEEDED",
	FPDatabaseFull: "FP_DATABASE_FULL", LargeBlobStorageFull: "LARGE_BLOB_STORAGE_FULL",
	CredentialExcluded: "CREDENTIAL_EXCLUDED", Processing: "PROCESSING",
	InvalidCredential: "INVALID_CREDENTIAL", UserActionPending: "USER_ACTION_PENDING",
	OperationPending: "OPERATION_PENDING", NoOperations: "NO_OPERATIONS",
	UnsupportedAlgorithm: "UNSUPPORTED_ALGORITHM", OperationDenied: "OPERATION_DENIED",
	KeyStoreFull: "KEY_STORE_FULL", UnsupportedOption: "UNSUPPORTED_OPTION",
	InvalidOption: "INVALID_OPTION", KeepaliveCancel: "KEEPALIVE_CANCEL",
	NoCredentials: "NO_CREDENTIALS", UserActionTimeout: "USER_ACTION_TIMEOUT",
	NotAllowed: "NOT_ALLOWED", PINInvalid: "PIN_INVALID", PINBlocked: "PIN_BLOCKED",
	PINAuthInvalid: "PIN_AUTH_INVALID", PINAuthBlocked: "PIN_AUTH_BLOCKED",
	PINNotSet: "PIN_NOT_SET", PUATRequired: "PUAT_REQUIRED",
	PINPolicyViolation: "PIN_POLICY_VIOLATION", RequestTooLarge: "REQUEST_TOO_LARGE",
	ActionTimeout: "ACTION_TIMEOUT", UPRequired: "UP_REQUIRED", UVBlocked: "UV_BLOCKED",
	IntegrityFailure: "INTEGRITY_FAILURE", InvalidSubcommand: "INVALID_SUBCOMMAND",
	UVInvalid: "UV_INVALID", UnauthorizedPermission: "UNAUTHORIZED_PERMISSION", Other: "OTHER",
}

// String returns the name in CTAP §8.2 without its prefix.
func (s Status) String() string {
	if n, ok := statusNames[s]; ok {
		return n
	}
	return fmt.Sprintf("status %#02x", byte(s))
}

// Error makes a Status an error. OK must not be used as one.
func (s Status) Error() string { return "authenticator answered " + s.String() }
