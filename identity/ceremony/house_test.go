package ceremony_test

import (
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"cardea/identity/audit"
	"cardea/identity/ceremony"
	"cardea/identity/directory"
	"cardea/identity/policy"
	"cardea/identity/session"
	"cardea/identity/storage"
	"cardea/internal/secret"
	"cardea/webauthn"
)

// house is an identity provider without pages, on a database of its own and
// with a clock that stands still until it is moved.
type house struct {
	t         testing.TB
	path      string
	db        *storage.DB
	directory *directory.Directory
	sessions  *session.Service
	ceremony  *ceremony.Service
	log       *audit.Log

	mu  sync.Mutex
	now time.Time
}

func newHouse(t testing.TB) *house { return newHouseWith(t, policy.Passkeys{}) }

// newHouseWith returns a house with a rule on passkeys.
func newHouseWith(t testing.TB, rule policy.Passkeys) *house {
	t.Helper()
	h := &house{t: t, path: filepath.Join(t.TempDir(), "cardea.db"), now: time.Unix(1_790_000_000, 0)}
	var err error
	if h.db, err = storage.Open(t.Context(), h.path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.db.Close(); err != nil {
			t.Error(err)
		}
	})
	h.directory = directory.New(directory.Config{Store: h.db, PassKey: secret.Random(32), Now: h.clock})
	h.sessions = session.New(session.Config{Store: h.db, Now: h.clock})
	h.log = audit.New(h.db)
	h.rule(rule)
	return h
}

// rule gives the house another rule on passkeys, as a restart with another
// configuration does. What was begun before is begun no more.
func (h *house) rule(rule policy.Passkeys) {
	h.t.Helper()
	var err error
	h.ceremony, err = ceremony.New(ceremony.Config{
		RPID: testRPID, RPName: "Cardea", Origins: []webauthn.Origin{testOrigin, acctOrigin}, Login: testOrigin,
		SealKey: secret.Random(32), Store: h.db, Directory: h.directory, Sessions: h.sessions, Passkeys: rule, Now: h.clock,
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) wait(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// browser returns a browser of that name: each has its own binding.
func browser(name string) ceremony.Browser {
	return ceremony.Browser{
		Binding: "binding cookie of " + name, Origin: testOrigin,
		UserAgent: "Mozilla/5.0 (" + name + ")", Address: "192.0.2.7", Reference: "7F3C-91DA-20B8",
	}
}

// someone is a person with a passkey, signed in.
type someone struct {
	directory.User
	key *soft
	in  ceremony.SignedIn
}

// setUp makes the first administrator, with a passkey as key makes it.
func (h *house) setUp(key *soft) someone {
	h.t.Helper()
	ctx := h.t.Context()
	code, ok, err := h.directory.FirstAdministratorCode(ctx)
	if err != nil || !ok {
		h.t.Fatalf("FirstAdministratorCode() = %v, %v", ok, err)
	}
	b := browser("first")
	begun, err := h.ceremony.BeginSetup(ctx, b, code, directory.NewUser{Username: "Maia", DisplayName: "Maia Dell"})
	if err != nil {
		h.t.Fatal(err)
	}
	in, err := h.ceremony.FinishSetup(ctx, b, begun.Sealed, key.create(begun.Options), "")
	if err != nil {
		h.t.Fatal(err)
	}
	return someone{User: in.User, key: key, in: in}
}

// begin begins a sign-in in b.
func (h *house) begin(b ceremony.Browser) ceremony.Begun {
	h.t.Helper()
	begun, err := h.ceremony.BeginSignIn(h.t.Context(), b, "")
	if err != nil {
		h.t.Fatal(err)
	}
	return begun
}

// signIn signs in with key in b.
func (h *house) signIn(b ceremony.Browser, key *soft, edits ...edit) (ceremony.SignedIn, error) {
	h.t.Helper()
	begun := h.begin(b)
	return h.ceremony.FinishSignIn(h.t.Context(), b, begun.Sealed, key.get(begun.Options, edits...))
}

// register registers key for who, in the session they are signed in with.
func (h *house) register(b ceremony.Browser, who someone, key *soft, edits ...edit) (ceremony.Registered, error) {
	h.t.Helper()
	begun, err := h.ceremony.BeginRegistration(h.t.Context(), b, who.ID, who.in.Session.ID)
	if err != nil {
		return ceremony.Registered{}, err
	}
	return h.ceremony.FinishRegistration(h.t.Context(), b, begun.Sealed, key.create(begun.Options, edits...), "")
}

// newcomer adds a person without a passkey and issues them an access pass.
func (h *house) newcomer(admin someone, name string) (directory.User, string) {
	h.t.Helper()
	u, err := h.directory.AddUser(h.t.Context(), admin.ID, directory.NewUser{Username: name, DisplayName: name})
	if err != nil {
		h.t.Fatal(err)
	}
	code, _, err := h.directory.IssueAccessPass(h.t.Context(), admin.ID, u.ID, 0)
	if err != nil {
		h.t.Fatal(err)
	}
	return u, code
}

// reason returns why err is a no, or fails the test.
func reason(t testing.TB, err error) ceremony.Reason {
	t.Helper()
	var r *ceremony.Refusal
	if !errors.As(err, &r) {
		t.Fatalf("error is %v, want a refusal", err)
	}
	return r.Reason
}

// refusedFor fails the test unless err is a refusal for that reason.
func refusedFor(t testing.TB, err error, want ceremony.Reason) {
	t.Helper()
	if got := reason(t, err); got != want {
		t.Errorf("refused for %q (%v), want %q", got, err, want)
	}
}

// lastEvent returns the newest event.
func (h *house) lastEvent() audit.Event {
	h.t.Helper()
	list, err := h.log.Recent(h.t.Context(), 1)
	if err != nil || len(list) != 1 {
		h.t.Fatalf("Recent(1) = %v, %v", list, err)
	}
	return list[0]
}
