package storagetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cardea/identity/audit"
	"cardea/identity/ceremony"
	"cardea/identity/directory"
	"cardea/identity/session"
)

// another gives u one passkey more.
func (k *kit) another(u directory.User) directory.Passkey {
	k.Helper()
	p := k.passkey(u)
	k.must(k.Register(k.Context(), ceremony.Registration{Challenge: k.challenge(), Passkey: p, Most: directory.MaxPasskeys, In: k.passSession(u).ID,
		Event: audit.Event{Time: k.now, Kind: audit.PasskeyAdded}}))
	return p
}

func testList(t *testing.T, k *kit) {
	ctx := k.Context()
	if r, err := k.Readiness(ctx); err != nil || r.People() != 0 {
		t.Errorf("readiness of nobody = %+v, %v", r, err)
	}
	called := func(username, display string) directory.User {
		u, err := directory.NewUser{Username: username, DisplayName: display}.Make(k.now)
		k.must(err)
		k.must(k.AddUser(ctx, u, k.change(directory.UserAdded)))
		return u
	}
	maia, key := k.member("maia", true)
	k.another(maia)
	jorg, _ := k.member("jorg_1", false)
	called("ines", "Inês FÁRIA")
	called("oya", "Özlem 100% Öz")
	k.session(maia, key)
	later := k.now.Add(time.Hour)
	_, err := k.EndSessions(ctx, maia.ID, "", later)
	k.must(err)

	everybody, err := k.List(ctx, directory.Listing{Limit: 10})
	k.must(err)
	if got := names(everybody); got != "ines jorg_1 maia oya" {
		t.Fatalf("everybody = %s", got)
	}
	for i, want := range []int{0, 1, 2, 0} {
		if m := everybody[i]; m.Passkeys != want || m.Created != k.now {
			t.Errorf("%s: %+v, want %d passkeys", m.Username, m, want)
		}
	}
	if m := everybody[2]; m.ID != maia.ID || !m.Admin || !m.LastUsed.Equal(k.now) {
		t.Errorf("maia = %+v, want an administrator who was here at %s", m, k.now)
	}
	if !everybody[1].LastUsed.IsZero() || !everybody[3].LastUsed.IsZero() {
		t.Errorf("somebody used what they never used: %+v", everybody)
	}
	if r, err := k.Readiness(ctx); err != nil || r != (directory.Readiness{Two: 1, One: 1, None: 2}) {
		t.Errorf("readiness = %+v, %v", r, err)
	}
	k.must(k.SetDisabled(ctx, jorg.ID, true, k.change(directory.UserDisabled)))
	for _, tt := range []struct {
		l    directory.Listing
		want string
	}{
		{directory.Listing{Limit: 2}, "ines jorg_1"},
		{directory.Listing{Limit: 2, After: "jorg_1"}, "maia oya"},
		{directory.Listing{Limit: 2, After: "jz"}, "maia oya"},
		{directory.Listing{Limit: 2, After: "oya"}, ""},
		{directory.Listing{Limit: 9, Name: "A"}, "ines maia oya"},
		{directory.Listing{Limit: 9, Name: "a", After: "ines"}, "maia oya"},
		{directory.Listing{Limit: 9, Name: "faria"}, "ines"},
		{directory.Listing{Limit: 9, Name: "inês fá"}, "ines"},
		{directory.Listing{Limit: 9, Name: "ÖZ"}, "oya"},
		{directory.Listing{Limit: 9, Name: "oz"}, "oya"},
		{directory.Listing{Limit: 9, Name: "%"}, "oya"},
		{directory.Listing{Limit: 9, Name: "_"}, "jorg_1"},
		{directory.Listing{Limit: 9, Name: `\`}, ""},
		{directory.Listing{Limit: 9, Name: "' OR 1=1 --"}, ""},
		{directory.Listing{Limit: 0}, ""},
	} {
		got, err := k.List(ctx, tt.l)
		k.must(err)
		if names(got) != tt.want {
			t.Errorf("List(%+v) = %s, want %s", tt.l, names(got), tt.want)
		}
	}
	if got, err := k.List(ctx, directory.Listing{Limit: 1, Name: "jorg"}); err != nil || len(got) != 1 || !got[0].Disabled {
		t.Errorf("jorg = %+v, %v, want one who is disabled", got, err)
	}
}

func names(all []directory.Member) string {
	var s []string
	for _, m := range all {
		s = append(s, m.Username)
	}
	return strings.Join(s, " ")
}

func testEventPages(t *testing.T, k *kit) {
	ctx := k.Context()
	own := directory.Client{ID: "own", Name: "Own", RedirectURIs: []string{"https://own.example"}, FirstParty: true, Public: true}
	k.must(k.PutClient(ctx, own))
	maia, tomas := k.person("maia", false), k.person("tomas", true)
	var ids []string
	for i := range 7 {
		k.must(k.AddEvent(ctx, audit.Event{Time: k.now.Add(time.Duration(i+1) * time.Minute), Kind: audit.PassIssued, UserID: maia.ID,
			By: tomas.ID, Outcome: audit.Done, Detail: fmt.Sprint(i)}))
		// Nobody wants to read these, and no page has room for them.
		k.must(k.AddEvent(ctx, audit.Event{Time: k.now.Add(time.Duration(i+1) * time.Minute), Kind: audit.ClientSignIn, UserID: maia.ID,
			Client: own.ID, Outcome: audit.Done, Detail: "unseen"}))
	}
	all, err := k.EventsBefore(ctx, "~", 7)
	k.must(err)
	if details(all) != "6 5 4 3 2 1 0" {
		t.Fatalf("all events = %s", details(all))
	}
	if e := all[0]; e.Username != "maia" || e.ByName != "tomas" {
		t.Errorf("event of %q by %q, want maia and tomas", e.Username, e.ByName)
	}
	for _, e := range all {
		ids = append(ids, e.ID)
	}
	slices.Reverse(ids)
	for _, tt := range []struct {
		doing string
		find  func() ([]audit.Event, error)
		want  string
	}{
		{"before the last", func() ([]audit.Event, error) { return k.EventsBefore(ctx, ids[6], 3) }, "5 4 3"},
		{"before the first", func() ([]audit.Event, error) { return k.EventsBefore(ctx, ids[1], 1) }, "0"},
		{"after the first", func() ([]audit.Event, error) { return k.EventsAfter(ctx, ids[0], 3) }, "3 2 1"},
		{"after one near the end", func() ([]audit.Event, error) { return k.EventsAfter(ctx, ids[4], 3) }, "6 5"},
		{"after the last", func() ([]audit.Event, error) { return k.EventsAfter(ctx, ids[6], 3) }, ""},
		{"before what is no ID", func() ([]audit.Event, error) { return k.EventsBefore(ctx, "", 3) }, ""},
	} {
		got, err := tt.find()
		k.must(err)
		if details(got) != tt.want {
			t.Errorf("%s: %s, want %s", tt.doing, details(got), tt.want)
		}
	}
}

// An administrator may take the last passkey of somebody who has another way in;
// nobody may take their own.
func testTakeLast(t *testing.T, k *kit) {
	ctx := k.Context()
	u, p := k.member("maia", false)
	by := func(who directory.UserID) directory.Change {
		return directory.Change{Kind: directory.PasskeyDeleted, At: k.now, By: who, User: u.ID, Passkey: p.ID}
	}
	issue := func(expires time.Time) {
		k.Helper()
		pass := directory.AccessPass{UserID: u.ID, IssuedBy: "admin", Issued: k.now, Expires: expires}
		k.must(k.PutAccessPass(ctx, pass, directory.CodeHash(bytesOf(32)), directory.CodeHash(bytesOf(32)), k.change(directory.PassIssued)))
	}
	k.want("by an administrator, with a pass that was used", k.DeletePasskey(ctx, u.ID, p.ID, "", nil, by("admin")), directory.ErrLastWayIn)
	issue(k.now)
	k.want("by an administrator, with a pass that has run out", k.DeletePasskey(ctx, u.ID, p.ID, "", nil, by("admin")), directory.ErrLastWayIn)
	issue(k.now.Add(time.Hour))
	k.want("by themselves, with a pass", k.DeletePasskey(ctx, u.ID, p.ID, "", nil, by(u.ID)), directory.ErrLastWayIn)
	s, _ := k.session(u, p)
	k.must(k.DeletePasskey(ctx, u.ID, p.ID, "", nil, by("admin")))
	if left, err := k.Passkeys(ctx, u.ID); err != nil || len(left) != 0 {
		t.Errorf("%d passkeys left, %v", len(left), err)
	}
	_, err := k.SessionByID(ctx, s.ID)
	k.want("a session of the passkey that was taken", err, session.ErrNone)
	last, err := k.EventsByUser(ctx, u.ID, 1)
	if err != nil || last[0].Kind != audit.PasskeyDeleted || last[0].By != "admin" {
		t.Errorf("record = %+v, %v", last, err)
	}
}

func testSignOut(t *testing.T, k *kit) {
	ctx := k.Context()
	u, p := k.member("maia", false)
	ana, anas := k.member("ana", true)
	theirs, _ := k.session(ana, anas)
	k.session(u, p)
	k.session(u, p)
	before, err := k.Sessions(ctx, u.ID)
	k.must(err)
	if n, err := k.SignOut(ctx, ana.ID, u.ID, k.now); err != nil || n != len(before) {
		t.Errorf("SignOut() = %d, %v, want %d", n, err, len(before))
	}
	if left, err := k.Sessions(ctx, u.ID); err != nil || len(left) != 0 {
		t.Errorf("%d sessions left, %v", len(left), err)
	}
	if _, err := k.SessionByID(ctx, theirs.ID); err != nil {
		t.Errorf("the administrator's own session: %v", err)
	}
	last, err := k.EventsByUser(ctx, u.ID, 1)
	if err != nil || last[0].Kind != audit.SessionsEnded || last[0].By != ana.ID || last[0].ByName != "ana" {
		t.Errorf("record = %+v, %v", last, err)
	}
}
