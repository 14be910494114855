// Package audit is the record of what was done: sign-ins, refusals and changes,
// for the person they concern and for administrators.
//
// Auditing is not logging. An Event is typed, lives in the database and is
// written in the transaction of what it records, so that neither exists without
// the other. It holds no secret: no token, no code, no challenge.
//
// Events are made by the rooms that make the change (ceremony, directory
// through its Store, session through its Store). This package declares what an
// Event is and reads them back.
package audit

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"cardea/identity/directory"
)

// A Kind is what an Event is about.
type Kind string

// The kinds of event.
const (
	SignIn     Kind = "sign_in"
	PassSignIn Kind = "pass_sign_in"
	// NativeSignIn: a program signed its person in without a page.
	NativeSignIn  Kind = "native_sign_in"
	PasskeyAdded  Kind = "passkey_added"
	SetUp         Kind = "set_up"
	SessionEnded  Kind = "session_ended"
	SessionsEnded Kind = "sessions_ended"
	// ClientSignIn: an application was told who is signed in.
	ClientSignIn Kind = "client_sign_in"
	// TokenReused: a refresh token came back that had been replaced. Somebody
	// has a copy, and what it belongs to has ended.
	TokenReused Kind = "token_reused"
	// TokenRevoked: a program gave its tokens back.
	TokenRevoked Kind = "token_revoked"
	// SignCountBack: a device-bound passkey answered with a count that is not
	// higher than the last. It may have been copied.
	SignCountBack Kind = "sign_count_back"
	// NotMe: a person said of an event in their history that it was not them.
	// Detail is the reference of that event.
	NotMe Kind = "not_me"
	// AccessRemoved: a person took from an application what it held for them.
	AccessRemoved Kind = "access_removed"

	UserAdded      = Kind(directory.UserAdded)
	UserDisabled   = Kind(directory.UserDisabled)
	UserEnabled    = Kind(directory.UserEnabled)
	PasskeyRenamed = Kind(directory.PasskeyRenamed)
	PasskeyDeleted = Kind(directory.PasskeyDeleted)
	PasskeyLost    = Kind(directory.PasskeyLost)
	UserRenamed    = Kind(directory.UserRenamed)
	PassIssued     = Kind(directory.PassIssued)
	SetupOffered   = Kind(directory.SetupOffered)
)

// An Outcome is how it went.
type Outcome string

// The outcomes.
const (
	Done    Outcome = "done"
	Refused Outcome = "refused"
)

// An Event is one thing that was done or refused.
type Event struct {
	// ID sorts by time. Empty until the Event is written.
	ID   string
	Time time.Time
	Kind Kind
	// UserID is whom it concerns; empty if nobody knows.
	UserID directory.UserID
	// By is who did it, if not the person themselves.
	By     directory.UserID
	Client directory.ClientID
	// ClientName is what the client is called today. A Store fills it in when
	// an Event is read; empty if there is no such client any more.
	ClientName string
	// Username and ByName are the user names of UserID and By, filled in like
	// ClientName.
	Username, ByName string
	Outcome          Outcome
	// Reason is the stable code of a refusal.
	Reason string
	// Reference names the request, as on the error page.
	Reference string
	Address   string
	UserAgent string
	PasskeyID directory.PasskeyID
	// Detail is for people to read.
	Detail string
}

// About names the event in what is said of it later: its reference, which people
// can read out. What no request did has none and goes by its ID.
func (e Event) About() string {
	if e.Reference == "" {
		return e.ID
	}
	return e.Reference
}

var sequence atomic.Uint32

// NewID returns an ID for an event of that time. IDs sort by time, to the
// millisecond, and within one by the order in which this process made them.
func NewID(t time.Time) string {
	var b [4]byte
	rand.Read(b[:])
	return fmt.Sprintf("%012x%08x%x", t.UnixMilli(), sequence.Add(1), b)
}

// FirstID returns what no ID of an event at that time or later sorts before.
func FirstID(t time.Time) string { return fmt.Sprintf("%012x", t.UnixMilli()) }

// A Store keeps events.
type Store interface {
	// EventsByUser and Events return the newest first, at most limit. They
	// leave out that a client of our own was told who is signed in: that is
	// how My Account opens, each time, and tells nobody anything.
	EventsByUser(ctx context.Context, user directory.UserID, limit int) ([]Event, error)
	Events(ctx context.Context, limit int) ([]Event, error)
	// EventsByReference returns all events of the request of that reference, the
	// newest first, at most limit.
	EventsByReference(ctx context.Context, reference string, limit int) ([]Event, error)
	// EventsBefore returns the newest events that are older than the one of that
	// ID, EventsAfter the oldest that are newer: each the newest first, at most
	// limit, and without what Events leaves out.
	EventsBefore(ctx context.Context, id string, limit int) ([]Event, error)
	EventsAfter(ctx context.Context, id string, limit int) ([]Event, error)
	// SignInsByUser counts the sign-ins of a person, by passkey, by pass and in programs,
	// since a time, and those that were refused.
	SignInsByUser(ctx context.Context, user directory.UserID, since time.Time) (done, refused int, err error)
	// FindEvents returns what fits q, the newest first. It reads no events but
	// those of q.User.
	FindEvents(ctx context.Context, q Search) ([]Event, error)
	// Event returns one event that concerns user, or ErrNone.
	Event(ctx context.Context, user directory.UserID, id string) (Event, error)
	// AddEvent writes an event that belongs to no other change.
	AddEvent(ctx context.Context, e Event) error
}

// MaxEvents is the most that one call returns.
const MaxEvents = 1000

// A Log reads the record. It is safe for concurrent use.
type Log struct{ store Store }

// New returns the Log over store.
func New(store Store) *Log { return &Log{store: store} }

// ByUser returns what concerns a person, the newest first, at most limit.
func (l *Log) ByUser(ctx context.Context, user directory.UserID, limit int) ([]Event, error) {
	return l.store.EventsByUser(ctx, user, clamp(limit))
}

// SignIns counts a person's sign-ins since a time, and those that were refused.
func (l *Log) SignIns(ctx context.Context, user directory.UserID, since time.Time) (done, refused int, err error) {
	return l.store.SignInsByUser(ctx, user, since)
}

// Recent returns what was done last, the newest first, at most limit.
func (l *Log) Recent(ctx context.Context, limit int) ([]Event, error) {
	return l.store.Events(ctx, clamp(limit))
}

// ByReference returns what was done by the request that people know by that
// reference, the newest first, at most MaxEvents. ok is false if what was typed
// is no reference.
func (l *Log) ByReference(ctx context.Context, typed string) (events []Event, ok bool, err error) {
	reference, ok := NormalizeReference(typed)
	if !ok {
		return nil, false, nil
	}
	events, err = l.store.EventsByReference(ctx, reference, MaxEvents)
	return events, true, err
}

// referenceDigits is how many digits a reference has, in groups of
// referenceGroup.
const referenceDigits, referenceGroup = 12, 4

// NormalizeReference returns a reference as it is written down, "7F3C-91DA-20B8",
// from what somebody read out or copied: in any case, with or without dashes and
// blanks, with an O for a zero.
func NormalizeReference(typed string) (reference string, ok bool) {
	var digits []byte
	for _, r := range strings.ToUpper(typed) {
		switch {
		case r == 'O':
			digits = append(digits, '0')
		case r >= '0' && r <= '9', r >= 'A' && r <= 'F':
			digits = append(digits, byte(r))
		case unicode.IsSpace(r), unicode.Is(unicode.Pd, r):
		default:
			return "", false
		}
	}
	if len(digits) != referenceDigits {
		return "", false
	}
	var groups []string
	for g := range slices.Chunk(digits, referenceGroup) {
		groups = append(groups, string(g))
	}
	return strings.Join(groups, "-"), true
}

// Add writes an event that belongs to no other change. What is changed together
// with its event is the Store's business, in one transaction.
func (l *Log) Add(ctx context.Context, e Event) error { return l.store.AddEvent(ctx, e) }

func clamp(limit int) int { return max(0, min(limit, MaxEvents)) }
