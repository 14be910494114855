// Package storagetest is the suite that every engine must pass: what the rooms
// expect of their Stores, said once.
//
// The suite calls the Stores themselves. What the rooms make of them (the
// ceremonies and their races above all) is tested there, on a real database.
package storagetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"testing"
	"time"

	"cardea/identity/audit"
	"cardea/identity/ceremony"
	"cardea/identity/directory"
	"cardea/identity/grant"
	"cardea/identity/session"
	"cardea/webauthn"
)

// A Store is all of the Stores in one.
type Store interface {
	directory.Store
	session.Store
	ceremony.Store
	audit.Store
	grant.Store
}

// Run runs the suite. open returns an empty Store each time and closes it when
// its test ends.
func Run(t *testing.T, open func(t *testing.T) Store) {
	for _, tt := range []struct {
		name string
		test func(*testing.T, *kit)
	}{
		{"people", testPeople},
		{"lists of people", testList},
		{"disabling", testDisabling},
		{"passkeys", testPasskeys},
		{"everybody's passkeys", testEachPersonsPasskeys},
		{"deleting passkeys", testDeletePasskey},
		{"a passkey that is not taken is no way in", testDeletePasskeyUnderARule},
		{"deleting a passkey ends its sessions", testDeletePasskeySessions},
		{"taking the last passkey", testTakeLast},
		{"signing somebody out", testSignOut},
		{"passes", testPasses},
		{"passes that are guessed from everywhere", testNameTries},
		{"setup code", testSetupCode},
		{"clients", testClients},
		{"sessions", testSessions},
		{"events", testEvents},
		{"pages of events", testEventPages},
		{"events of clients", testClientEvents},
		{"searching a history", testSearch},
		{"paging through a history", testPages},
		{"one event", testOneEvent},
		{"names and languages of people", testProfile},
		{"applications of a person", testApps},
		{"removing an application", testEndClient},
		{"saying that it was not me", testDeny},
		{"counts of sign-ins", testSignInCounts},
		{"sign-in is all or nothing", testSignIn},
		{"registration is all or nothing", testRegister},
		{"spent challenges are forgotten in time", testForgotten},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.test(t, &kit{T: t, Store: open(t), now: time.UnixMilli(1_790_000_000_000)})
		})
	}
}

// kit is a Store with what the tests make on it.
type kit struct {
	*testing.T
	Store
	now time.Time
}

// must fails the test on an error.
func (k *kit) must(err error) {
	k.Helper()
	if err != nil {
		k.Fatal(err)
	}
}

// want fails the test unless err is want.
func (k *kit) want(doing string, err, want error) {
	k.Helper()
	if !errors.Is(err, want) {
		k.Errorf("%s: %v, want %v", doing, err, want)
	}
}

// count returns how many events of that kind there are.
func (k *kit) count(kind audit.Kind) (n int) {
	k.Helper()
	list, err := k.Events(k.Context(), audit.MaxEvents)
	k.must(err)
	for _, e := range list {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

func bytesOf(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

func (k *kit) change(kind directory.ChangeKind) directory.Change {
	return directory.Change{Kind: kind, At: k.now, By: "by", User: "about", Detail: "detail"}
}

// person stores a person.
func (k *kit) person(name string, admin bool) directory.User {
	k.Helper()
	u, err := directory.NewUser{Username: name, DisplayName: name, Admin: admin}.Make(k.now)
	k.must(err)
	k.must(k.AddUser(k.Context(), u, k.change(directory.UserAdded)))
	return u
}

// passkey returns a passkey of u that is not stored.
func (k *kit) passkey(u directory.User) directory.Passkey {
	return directory.Passkey{
		ID: directory.NewPasskeyID(), UserID: u.ID, CredentialID: bytesOf(32), Name: "Key", PublicKey: bytesOf(77),
		AAGUID: webauthn.AAGUID(bytesOf(16)), SignCount: 1<<32 - 2, Flags: 0xff, Transports: []string{"usb", "nfc"},
		Attachment: "cross-platform", AttestationFormat: "none", AttestationType: "none",
		AttestationObject: bytesOf(200), ClientDataJSON: []byte("{}"), ClientDataHash: bytesOf(32), Created: k.now,
	}
}

// session stores a session of u, by way of a registration if there is none
// yet, and returns it with its token's hash.
func (k *kit) session(u directory.User, p directory.Passkey) (session.Session, session.TokenHash) {
	k.Helper()
	s, token := session.Begin(k.now, u.ID, p.ID, directory.From{UserAgent: "agent", Address: "address"})
	h := session.HashToken(token)
	k.must(k.SignIn(k.Context(), ceremony.SignIn{
		Challenge: k.challenge(), Was: p, SignCount: p.SignCount, Flags: p.Flags, Session: s, Token: h,
	}))
	return s, h
}

func (k *kit) challenge() ceremony.Challenge {
	return ceremony.Challenge{Hash: [32]byte(bytesOf(32)), Until: k.now.Add(time.Minute), Now: k.now}
}

// member stores a person with a passkey, who came in by an access pass.
func (k *kit) member(name string, admin bool) (directory.User, directory.Passkey) {
	k.Helper()
	u := k.person(name, admin)
	p := k.passkey(u)
	k.must(k.Register(k.Context(), ceremony.Registration{
		Challenge: k.challenge(), Passkey: p, Most: 1, In: k.passSession(u).ID, Event: audit.Event{Time: k.now, Kind: audit.PasskeyAdded},
	}))
	return u, p
}

// passSession redeems a pass for u.
func (k *kit) passSession(u directory.User) session.Session {
	k.Helper()
	code, name, guesser := directory.CodeHash(bytesOf(32)), directory.CodeHash(bytesOf(32)), directory.CodeHash(bytesOf(32))
	k.must(k.PutAccessPass(k.Context(), directory.AccessPass{UserID: u.ID, Issued: k.now, Expires: k.now.Add(time.Hour)},
		code, name, k.change(directory.PassIssued)))
	s, token := session.Begin(k.now, u.ID, "", directory.From{})
	result, err := k.Redeem(k.Context(), ceremony.Redemption{Now: k.now, User: u.ID, Guesser: guesser, Name: name, Tries: 1, NameTries: 1, Code: code,
		Session: s, Token: session.HashToken(token), Event: audit.Event{Time: k.now, Kind: audit.PassSignIn}})
	k.must(err)
	if result != ceremony.PassAccepted {
		k.Fatalf("Redeem() = %q", result)
	}
	return s
}

// atOnce runs f n times at once and returns how many succeeded.
func atOnce(n int, f func(i int) error) (won int) {
	errs := make(chan error, n)
	for i := range n {
		go func() { errs <- f(i) }()
	}
	for range n {
		if <-errs == nil {
			won++
		}
	}
	return won
}

func testEvents(t *testing.T, k *kit) {
	ctx := audit.With(k.Context(), audit.Request{Reference: "ref", Address: "addr", UserAgent: "agent"})
	for i := range 5 {
		user := directory.UserID(fmt.Sprint("user", i%2))
		k.must(k.AddEvent(ctx, audit.Event{Time: k.now.Add(time.Duration(i) * time.Hour), Kind: audit.SignIn, UserID: user,
			Client: "client", By: "by", Outcome: audit.Refused, Reason: "why", PasskeyID: "pk", Detail: fmt.Sprint(i)}))
	}
	mine, err := k.EventsByUser(ctx, "user0", 10)
	k.must(err)
	if got := details(mine); got != "4 2 0" {
		t.Errorf("events of user0 = %s, want 4 2 0", got)
	}
	want := audit.Event{ID: mine[0].ID, Time: k.now.Add(4 * time.Hour), Kind: audit.SignIn, UserID: "user0", Client: "client",
		By: "by", Outcome: audit.Refused, Reason: "why", Reference: "ref", Address: "addr", UserAgent: "agent", PasskeyID: "pk", Detail: "4"}
	if !mine[0].Time.Equal(want.Time) {
		t.Errorf("time = %v, want %v", mine[0].Time, want.Time)
	}
	if want.Time = mine[0].Time; mine[0] != want {
		t.Errorf("event = %+v, want %+v", mine[0], want)
	}
	k.must(k.AddEvent(audit.With(k.Context(), audit.Request{Reference: "other"}), audit.Event{Time: k.now, Kind: audit.SignIn, Detail: "other"}))
	for reference, want := range map[string]string{"ref": "4 3 2 1 0", "other": "other", "re": "", "REF": "", "": ""} {
		named, err := k.EventsByReference(ctx, reference, 10)
		k.must(err)
		if got := details(named); got != want {
			t.Errorf("events of reference %q = %q, want %q", reference, got, want)
		}
	}
	if few, err := k.EventsByReference(ctx, "ref", 2); err != nil || details(few) != "4 3" {
		t.Errorf("two events of a reference = %s, %v", details(few), err)
	}
	last, err := k.Events(ctx, 2)
	k.must(err)
	if got := details(last); got != "4 3" {
		t.Errorf("last two events = %s, want 4 3", got)
	}
}

func testClientEvents(t *testing.T, k *kit) {
	ctx := k.Context()
	k.must(k.PutClient(ctx, directory.Client{ID: "ours", Name: "My Account", FirstParty: true}))
	k.must(k.PutClient(ctx, directory.Client{ID: "app", Name: "Catalog"}))
	for i, e := range []audit.Event{
		{Kind: audit.ClientSignIn, Client: "ours", Outcome: audit.Done, Detail: "no"},
		{Kind: audit.ClientSignIn, Client: "ours", Outcome: audit.Refused, Detail: "My Account"},
		{Kind: audit.ClientSignIn, Client: "app", Outcome: audit.Done, Detail: "Catalog"},
		{Kind: audit.ClientSignIn, Client: "gone", Outcome: audit.Done},
		{Kind: audit.SignIn, Outcome: audit.Done},
	} {
		e.Time, e.UserID = k.now.Add(time.Duration(i)*time.Second), "maia"
		k.must(k.AddEvent(ctx, e))
	}
	mine, err := k.EventsByUser(ctx, "maia", 10)
	k.must(err)
	all, err := k.Events(ctx, 10)
	k.must(err)
	for _, list := range [][]audit.Event{mine, all} {
		if len(list) != 4 {
			t.Errorf("%d events are listed, want all but our own client's: %+v", len(list), list)
		}
		for _, e := range list {
			if e.ClientName != e.Detail {
				t.Errorf("client %q is called %q, want %q", e.Client, e.ClientName, e.Detail)
			}
		}
	}
}

func testSignInCounts(t *testing.T, k *kit) {
	ctx := k.Context()
	add := func(n int, user directory.UserID, kind audit.Kind, outcome audit.Outcome, at time.Time) {
		atOnce(n, func(int) error {
			k.must(k.AddEvent(ctx, audit.Event{Time: at, Kind: kind, Outcome: outcome, UserID: user}))
			return nil
		})
	}
	add(audit.MaxEvents+1, "maia", audit.SignIn, audit.Done, k.now)
	add(2, "maia", audit.PassSignIn, audit.Done, k.now.Add(time.Hour))
	add(3, "maia", audit.SignIn, audit.Refused, k.now.Add(time.Hour))
	add(5, "maia", audit.SignIn, audit.Done, k.now.Add(-time.Millisecond))
	add(5, "maia", audit.PasskeyAdded, audit.Done, k.now)
	add(5, "ana", audit.SignIn, audit.Done, k.now)
	if done, refused, err := k.SignInsByUser(ctx, "maia", k.now); done != audit.MaxEvents+3 || refused != 3 || err != nil {
		t.Errorf("SignInsByUser() = %d, %d, %v, want %d and 3", done, refused, err, audit.MaxEvents+3)
	}
	if done, refused, err := k.SignInsByUser(ctx, "nobody", k.now); done != 0 || refused != 0 || err != nil {
		t.Errorf("SignInsByUser() of nobody = %d, %d, %v", done, refused, err)
	}
}

func details(list []audit.Event) (s string) {
	for i, e := range list {
		if i > 0 {
			s += " "
		}
		s += e.Detail
	}
	return s
}

func testClients(t *testing.T, k *kit) {
	ctx := context.Background()
	_, err := k.Client(ctx, "app")
	k.want("a client that is not there", err, directory.ErrNoClient)
	c := directory.Client{ID: "app", Name: "App", RedirectURIs: []string{"https://app.example/cb", "http://127.0.0.1/cb"}, Public: true}
	k.must(k.PutClient(ctx, c))
	c.Name, c.FirstParty, c.Public, c.Native = "Other name", true, false, true
	k.must(k.PutClient(ctx, c))
	got, err := k.Client(ctx, "app")
	k.must(err)
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", c) {
		t.Errorf("client = %+v, want %+v", got, c)
	}
}
