package platform

import (
	"errors"
	"fmt"
)

// An Error is a refusal as a page sees it: the name of a DOMException and a
// constant message. Neither tells why a person or an authenticator said no;
// the cause in Err is for the log of this device only.
type Error struct {
	Name    Name
	Message string
	Err     error
}

// A Name is the name of a DOMException. The client uses no other than these.
type Name string

// The names (WebAuthn §5.1.3, §5.1.4).
const (
	NotAllowedError   Name = "NotAllowedError"
	InvalidStateError Name = "InvalidStateError"
	NotSupportedError Name = "NotSupportedError"
	ConstraintError   Name = "ConstraintError"
	SecurityError     Name = "SecurityError"
	SyntaxError       Name = "SyntaxError"
	TypeError         Name = "TypeError"
	AbortError        Name = "AbortError"
	UnknownError      Name = "UnknownError"
)

// Error returns name, message and cause, for the log.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s: %s", e.Name, e.Message)
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// The messages that a page sees. They are constant: a message that told more
// would tell it to the page.
const (
	msgNotAllowed  = "The operation either timed out or was not allowed."
	msgExcluded    = "One of the excluded passkeys is on the authenticator that was chosen."
	msgOrigin      = "This origin may not use passkeys."
	msgRPID        = "The relying party ID is not a registrable domain suffix of, nor equal to, the current domain."
	msgUserID      = "The user ID must have between 1 and 64 bytes."
	msgChallenge   = "The challenge must not be empty."
	msgAlgorithms  = "None of the algorithms in pubKeyCredParams is supported."
	msgTooMany     = "The list of passkeys is too long."
	msgExtension   = "The use of an extension is not supported."
	msgPRFKey      = "A key of evalByCredential is not the ID of an allowed passkey."
	msgAborted     = "The operation was aborted."
	msgClientFault = "The passkey client had a fault."
)

// Causes that stay on this device.
var (
	errFramed   = errors.New("page is in a frame of another origin")
	errTooLate  = errors.New("the request took too long")
	errCanceled = errors.New("canceled by the person")
	errBack     = errors.New("the person wants another way")
)

func notAllowed(cause error) *Error {
	return &Error{Name: NotAllowedError, Message: msgNotAllowed, Err: cause}
}

// ErrorOf returns the *Error in the chain of err, or one that tells a page of a
// fault of the client and nothing else.
func ErrorOf(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Name: UnknownError, Message: msgClientFault, Err: err}
}
