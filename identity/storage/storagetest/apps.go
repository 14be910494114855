package storagetest

import (
	"slices"
	"testing"
	"time"

	"cardea/identity/audit"
	"cardea/identity/ceremony"
	"cardea/identity/directory"
	"cardea/identity/grant"
	"cardea/identity/session"
)

// family keeps a code of a client, redeemed for an access token and a refresh
// token, and returns the hash of that.
func (k *kit) family(u directory.UserID, client directory.ClientID, sid, acr string) grant.Hash {
	k.Helper()
	ctx := k.Context()
	code, refresh := grant.Hash(bytesOf(32)), grant.Hash(bytesOf(32))
	k.must(k.AddCode(ctx, grant.Code{Hash: code, Issued: k.now, Expires: k.now.Add(time.Minute),
		Authorization: grant.Authorization{ClientID: client, UserID: u, SID: sid, Scope: grant.ParseScope("openid profile")}}))
	k.must(k.RedeemCode(ctx,
		grant.AccessToken{Hash: grant.Hash(bytesOf(32)), Code: code, ClientID: client, UserID: u, SID: sid,
			Scope: grant.ParseScope("openid profile"), Issued: k.now.Add(time.Second), Expires: k.now.Add(time.Hour)},
		&grant.Family{ID: code, ClientID: client, UserID: u, SID: sid, ACR: acr,
			Scope: grant.ParseScope("openid offline_access"), Issued: k.now, Expires: k.now.Add(24 * time.Hour)}, refresh))
	return refresh
}

// clients keeps a page of ours, a program of ours and an application of others.
func (k *kit) clients() {
	k.Helper()
	for _, c := range []directory.Client{
		{ID: "ours", Name: "My Account", FirstParty: true}, {ID: "terminal", Name: "Terminal", FirstParty: true, Native: true}, {ID: "app", Name: "Catalog"},
	} {
		k.must(k.PutClient(k.Context(), c))
	}
}

func testApps(t *testing.T, k *kit) {
	ctx := k.Context()
	k.clients()
	for _, client := range []directory.ClientID{"ours", "terminal", "app", "gone"} {
		k.family("maia", client, "sid", "")
	}
	k.family("ana", "app", "ana's", "")
	told, err := k.Told(ctx, "maia")
	k.must(err)
	slices.SortFunc(told, func(a, b grant.Told) int { return len(a.Client) - len(b.Client) })
	want := []grant.Told{{Client: "app", Name: "Catalog", First: k.now, Last: k.now}, {Client: "terminal", Name: "Terminal", Native: true, First: k.now, Last: k.now}}
	if len(told) != 2 || !told[0].First.Equal(k.now) || !told[0].Last.Equal(k.now) {
		t.Fatalf("told = %+v, want %+v", told, want)
	}
	for i := range told {
		if told[i].First, told[i].Last = k.now, k.now; told[i] != want[i] {
			t.Errorf("told = %+v, want %+v", told[i], want[i])
		}
	}
	held, err := k.Holdings(ctx, "maia", k.now.Add(2*time.Second))
	k.must(err)
	tokens, families := 0, 0
	for _, h := range held {
		switch {
		case h.SID != "sid":
			t.Errorf("held for another: %+v", h)
		case h.Stays && h.Scope.Has("offline_access") && h.Expires.Equal(k.now.Add(24*time.Hour)):
			families++
		case !h.Stays && h.Scope.Has("profile") && h.Issued.Equal(k.now.Add(time.Second)):
			tokens++
		}
	}
	if len(held) != 8 || tokens != 4 || families != 4 { // the codes are spent
		t.Errorf("%d tokens and %d families of %d held, want 4 and 4 of 8", tokens, families, len(held))
	}
	if held, err = k.Holdings(ctx, "maia", k.now.Add(24*time.Hour)); err != nil || len(held) != 0 {
		t.Errorf("held after all has expired: %+v, %v", held, err)
	}
}

func testEndClient(t *testing.T, k *kit) {
	ctx := k.Context()
	k.clients()
	u, p := k.member("maia", false)
	browser, _ := k.session(u, p)
	program, _ := k.session(u, p)
	app := k.family(u.ID, "app", string(browser.ID), session.ACRPasskey)
	terminal := k.family(u.ID, "terminal", string(browser.ID), session.ACRPasskey)
	another := k.family("ana", "app", "ana's", "")
	fresh := grant.Hash(bytesOf(32))
	k.must(k.AddCode(ctx, grant.Code{Hash: fresh, Issued: k.now, Expires: k.now.Add(time.Minute),
		Authorization: grant.Authorization{ClientID: "app", UserID: u.ID, SID: string(browser.ID)}}))
	for _, client := range []directory.ClientID{"ours", "gone", "none"} {
		k.want("removing "+string(client), k.EndClient(ctx, u.ID, client, k.now), grant.ErrNoApp)
	}
	k.must(k.EndClient(ctx, u.ID, "app", k.now.Add(time.Second)))
	_, err := k.Family(ctx, app)
	k.want("a refresh token of what was removed", err, grant.ErrNoRefresh)
	err = k.RedeemCode(ctx, grant.AccessToken{Hash: grant.Hash(bytesOf(32)), Code: fresh, Issued: k.now}, nil, grant.Hash{})
	k.want("a code of what was removed", err, grant.ErrNoCode)
	for name, refresh := range map[string]grant.Hash{"another application": terminal, "another person": another} {
		if _, err := k.Family(ctx, refresh); err != nil {
			t.Errorf("the refresh token of %s: %v", name, err)
		}
	}
	if _, err := k.SessionByID(ctx, browser.ID); err != nil {
		t.Errorf("the session that it stood on: %v, want it to live", err)
	}
	if told, err := k.Told(ctx, u.ID); err != nil || len(told) != 1 || told[0].Client != "terminal" {
		t.Errorf("told = %+v, %v, want the terminal only", told, err)
	}
	k.want("removing it again", k.EndClient(ctx, u.ID, "app", k.now.Add(2*time.Second)), grant.ErrNoApp)
	if n := k.count(audit.AccessRemoved); n != 1 {
		t.Errorf("%d records of one removal", n)
	}
	// Who signs in there again finds it in the list again.
	k.now = k.now.Add(time.Hour)
	k.family(u.ID, "app", string(browser.ID), session.ACRPasskey)
	if told, err := k.Told(ctx, u.ID); err != nil || len(told) != 2 {
		t.Errorf("told after signing in again = %+v, %v, want both", told, err)
	}
	testEndProgram(t, k, u, program)
}

// The session of a program that signed in without a page goes with it.
func testEndProgram(t *testing.T, k *kit, u directory.User, s session.Session) {
	ctx := k.Context()
	native, h := session.BeginNative(k.now, u.ID, s.PasskeyID, directory.From{})
	list, err := k.Passkeys(ctx, u.ID)
	k.must(err)
	k.must(k.SignIn(ctx, ceremony.SignIn{Challenge: k.challenge(), Was: list[0], SignCount: list[0].SignCount, Flags: list[0].Flags, Session: native, Token: h}))
	k.family(u.ID, "terminal", string(native.ID), session.ACRNative)
	k.must(k.EndClient(ctx, u.ID, "terminal", k.now))
	_, err = k.SessionByID(ctx, native.ID)
	k.want("the session of a program that was removed", err, session.ErrNone)
	testEndUnfinishedProgram(t, k, u, list[0].ID)
	if _, err := k.SessionByID(ctx, s.ID); err != nil {
		t.Errorf("another session: %v", err)
	}
}

// So does the session of one that has not fetched its tokens yet.
func testEndUnfinishedProgram(t *testing.T, k *kit, u directory.User, p directory.PasskeyID) {
	ctx := k.Context()
	native, h := session.BeginNative(k.now, u.ID, p, directory.From{})
	list, err := k.Passkeys(ctx, u.ID)
	k.must(err)
	k.must(k.SignIn(ctx, ceremony.SignIn{Challenge: k.challenge(), Was: list[0], SignCount: list[0].SignCount, Flags: list[0].Flags, Session: native, Token: h}))
	k.must(k.AddEvent(ctx, audit.Event{Time: k.now.Add(time.Second), Kind: audit.NativeSignIn, Outcome: audit.Done, UserID: u.ID, Client: "terminal"}))
	k.must(k.AddCode(ctx, grant.Code{Hash: grant.Hash(bytesOf(32)), Issued: k.now, Expires: k.now.Add(time.Minute),
		Authorization: grant.Authorization{ClientID: "terminal", UserID: u.ID, SID: string(native.ID)}}))
	k.must(k.EndClient(ctx, u.ID, "terminal", k.now.Add(2*time.Second)))
	_, err = k.SessionByID(ctx, native.ID)
	k.want("the session of a program that had a code only", err, session.ErrNone)
}

func testDeny(t *testing.T, k *kit) {
	ctx := k.Context()
	k.clients()
	u, p := k.member("maia", false)
	mine, _ := k.session(u, p)
	other, _ := k.session(u, p)
	ana, anas := k.member("ana", false)
	hers, _ := k.session(ana, anas)
	kept := k.family(ana.ID, "app", string(hers.ID), "")
	lost := []grant.Hash{k.family(u.ID, "terminal", string(mine.ID), ""), k.family(u.ID, "app", string(other.ID), "")}
	n, err := k.Deny(ctx, u.ID, mine.ID, "7F3C", k.now)
	k.must(err)
	if n < 1 {
		t.Errorf("%d sessions ended, want the others", n)
	}
	if left, err := k.Sessions(ctx, u.ID); err != nil || len(left) != 1 || left[0].ID != mine.ID {
		t.Errorf("sessions left: %+v, %v, want this one", left, err)
	}
	for _, refresh := range lost {
		_, err := k.Family(ctx, refresh)
		k.want("a refresh token afterwards", err, grant.ErrNoRefresh)
	}
	if _, err := k.Family(ctx, kept); err != nil {
		t.Errorf("another person's refresh token: %v", err)
	}
	if _, err := k.SessionByID(ctx, hers.ID); err != nil {
		t.Errorf("another person's session: %v", err)
	}
	said, err := k.FindEvents(ctx, audit.Search{User: u.ID, Kinds: []audit.Kind{audit.NotMe}, Limit: 9})
	k.must(err)
	if details(said) != "7F3C" {
		t.Errorf("records = %+v, want one that refers to 7F3C", said)
	}
	// Pressed twice it is said once, unless there was somebody to shut out again.
	for want := 1; want <= 2; want++ {
		_, err = k.Deny(ctx, u.ID, mine.ID, "7F3C", k.now)
		k.must(err)
		if got := k.count(audit.NotMe); got != want {
			t.Errorf("%d records, want %d", got, want)
		}
		k.session(u, p)
	}
}
