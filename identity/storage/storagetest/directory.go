package storagetest

import (
	"reflect"
	"testing"
	"time"

	"cardea/identity/audit"
	"cardea/identity/ceremony"
	"cardea/identity/directory"
	"cardea/identity/session"
	"cardea/webauthn"
)

func testPeople(t *testing.T, k *kit) {
	ctx := k.Context()
	_, err := k.User(ctx, "nobody")
	k.want("nobody by ID", err, directory.ErrNoUser)
	_, err = k.UserByName(ctx, "nobody")
	k.want("nobody by name", err, directory.ErrNoUser)
	_, err = k.UserByHandle(ctx, bytesOf(64))
	k.want("nobody by handle", err, directory.ErrNoUser)

	u := k.person("maia", true)
	for _, find := range []func() (directory.User, error){
		func() (directory.User, error) { return k.User(ctx, u.ID) },
		func() (directory.User, error) { return k.UserByName(ctx, "maia") },
		func() (directory.User, error) { return k.UserByHandle(ctx, u.Handle) },
	} {
		got, err := find()
		k.must(err)
		if !reflect.DeepEqual(got, u) {
			t.Errorf("person = %+v, want %+v", got, u)
		}
	}
	twin, err := directory.NewUser{Username: "maia", DisplayName: "Other"}.Make(k.now)
	k.must(err)
	k.want("the same name", k.AddUser(ctx, twin, k.change(directory.UserAdded)), directory.ErrNameTaken)
	if n := k.count(audit.UserAdded); n != 1 {
		t.Errorf("%d events of one person who was added", n)
	}
	k.person("ana", false)
	all, err := k.Users(ctx)
	k.must(err)
	if len(all) != 2 || all[0].Username != "ana" || all[1].Username != "maia" {
		t.Errorf("everybody = %v, want ana and maia", all)
	}
}

func testDisabling(t *testing.T, k *kit) {
	ctx := k.Context()
	maia, key := k.member("maia", true)
	k.want("the last administrator", k.SetDisabled(ctx, maia.ID, true, k.change(directory.UserDisabled)), directory.ErrLastAdmin)
	k.want("nobody", k.SetDisabled(ctx, "nobody", true, k.change(directory.UserDisabled)), directory.ErrNoUser)
	s, _ := k.session(maia, key)
	ana, _ := k.member("ana", true)
	// Two administrators who shut each other out at the same moment.
	both := []directory.UserID{maia.ID, ana.ID}
	if won := atOnce(2, func(i int) error {
		return k.SetDisabled(ctx, both[i], true, k.change(directory.UserDisabled))
	}); won != 1 {
		t.Errorf("%d of two administrators shut out the other, want 1", won)
	}
	k.must(k.SetDisabled(ctx, ana.ID, false, k.change(directory.UserEnabled)))
	k.must(k.SetDisabled(ctx, maia.ID, true, k.change(directory.UserDisabled)))
	_, err := k.SessionByID(ctx, s.ID)
	k.want("session of a disabled person", err, session.ErrNone)
	again, token := session.Begin(k.now, maia.ID, key.ID, directory.From{})
	err = k.SignIn(ctx, ceremony.SignIn{Challenge: k.challenge(), Was: key, SignCount: key.SignCount, Flags: key.Flags,
		Session: again, Token: session.HashToken(token)})
	k.want("sign-in of a disabled person", err, ceremony.ErrDisabled)
	k.must(k.SetDisabled(ctx, maia.ID, false, k.change(directory.UserEnabled)))
	k.session(maia, key)
}

func testEachPersonsPasskeys(t *testing.T, k *kit) {
	ctx := k.Context()
	nobody := func(directory.User, []directory.Passkey) { t.Error("somebody has passkeys where there is nobody") }
	k.must(k.EachPersonsPasskeys(ctx, nobody))
	boss, first := k.member("maia", true)
	ana, one := k.member("ana", false)
	two := k.passkey(ana)
	two.Flags = 0x05
	in, _ := k.session(ana, one)
	k.must(k.Register(ctx, ceremony.Registration{Challenge: k.challenge(), Passkey: two, Most: 2, In: in.ID,
		Event: audit.Event{Time: k.now, Kind: audit.PasskeyAdded}}))
	k.person("jo", false) // has none
	out, _ := k.member("out", false)
	k.must(k.SetDisabled(ctx, out.ID, true, k.change(directory.UserDisabled)))
	got := map[directory.UserID][]directory.Passkey{}
	k.must(k.EachPersonsPasskeys(ctx, func(u directory.User, keys []directory.Passkey) {
		if got[u.ID] != nil || u.Admin != (u.ID == boss.ID) {
			t.Errorf("told of %+v, again or wrongly", u)
		}
		got[u.ID] = keys
	}))
	kind := func(p directory.Passkey) directory.Passkey {
		return directory.Passkey{AAGUID: p.AAGUID, Flags: p.Flags}
	}
	anas := got[ana.ID]
	if len(anas) == 2 && anas[0].Flags == two.Flags {
		anas[0], anas[1] = anas[1], anas[0] // in any order
	}
	want := map[directory.UserID][]directory.Passkey{boss.ID: {kind(first)}, ana.ID: {kind(one), kind(two)}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("everybody's passkeys = %+v, want %+v", got, want)
	}
}

func testPasskeys(t *testing.T, k *kit) {
	ctx := k.Context()
	_, _, err := k.Credential(ctx, bytesOf(32))
	k.want("a passkey that nobody has", err, directory.ErrNoPasskey)
	u, p := k.member("maia", false)
	got, owner, err := k.Credential(ctx, p.CredentialID)
	k.must(err)
	if !reflect.DeepEqual(got, p) || !reflect.DeepEqual(owner, u) {
		t.Errorf("passkey = %+v of %v\nwant      %+v of %v", got, owner, p, u)
	}
	list, err := k.Passkeys(ctx, u.ID)
	k.must(err)
	if !reflect.DeepEqual(list, []directory.Passkey{p}) {
		t.Errorf("passkeys = %+v, want the one", list)
	}
	other := k.person("ana", false)
	k.want("renaming another's", k.RenamePasskey(ctx, other.ID, p.ID, "Mine", k.change(directory.PasskeyRenamed)), directory.ErrNoPasskey)
	k.must(k.RenamePasskey(ctx, u.ID, p.ID, "New name", k.change(directory.PasskeyRenamed)))
	if list, err = k.Passkeys(ctx, u.ID); err != nil || list[0].Name != "New name" {
		t.Errorf("passkeys = %+v, %v, want the new name", list, err)
	}
	if n := k.count(audit.PasskeyRenamed); n != 1 {
		t.Errorf("%d events of one renaming", n)
	}
}

func testDeletePasskey(t *testing.T, k *kit) {
	ctx := k.Context()
	u, p := k.member("maia", false)
	other := k.person("ana", false)
	c := k.change(directory.PasskeyDeleted)
	k.want("another's", k.DeletePasskey(ctx, other.ID, p.ID, "", nil, c), directory.ErrNoPasskey)
	k.want("the only one", k.DeletePasskey(ctx, u.ID, p.ID, "", nil, c), directory.ErrLastWayIn)
	ids := []directory.PasskeyID{p.ID}
	in := k.passSession(u).ID
	for range 9 {
		next := k.passkey(u)
		k.must(k.Register(ctx, ceremony.Registration{Challenge: k.challenge(), Passkey: next, Most: directory.MaxPasskeys, In: in,
			Event: audit.Event{Time: k.now, Kind: audit.PasskeyAdded}}))
		ids = append(ids, next.ID)
	}
	if won := atOnce(len(ids), func(i int) error { return k.DeletePasskey(ctx, u.ID, ids[i], "", nil, c) }); won != len(ids)-1 {
		t.Errorf("%d of %d passkeys were deleted at once, want all but one", won, len(ids))
	}
	left, err := k.Passkeys(ctx, u.ID)
	k.must(err)
	if len(left) != 1 || k.count(audit.PasskeyDeleted) != len(ids)-1 {
		t.Errorf("%d passkeys left and %d events, want 1 and %d", len(left), k.count(audit.PasskeyDeleted), len(ids)-1)
	}
}

// A passkey that is not taken any more is no way in: it does not let the last
// one go that is, not even to two who delete at once.
func testDeletePasskeyUnderARule(t *testing.T, k *kit) {
	ctx := k.Context()
	u, first := k.member("maia", false)
	add := func(kind webauthn.AAGUID) directory.PasskeyID {
		p := k.passkey(u)
		p.AAGUID = kind
		k.must(k.Register(ctx, ceremony.Registration{Challenge: k.challenge(), Passkey: p, Most: directory.MaxPasskeys, In: k.passSession(u).ID,
			Event: audit.Event{Time: k.now, Kind: audit.PasskeyAdded}}))
		return p.ID
	}
	refused := webauthn.AAGUID{1}
	add(refused)
	ids := []directory.PasskeyID{first.ID, add(webauthn.AAGUID{2}), add(webauthn.AAGUID{3})}
	taken := func(p directory.Passkey) bool { return p.AAGUID != refused }
	c := k.change(directory.PasskeyDeleted)
	c.By = u.ID
	if won := atOnce(len(ids), func(i int) error { return k.DeletePasskey(ctx, u.ID, ids[i], "", taken, c) }); won != len(ids)-1 {
		t.Errorf("%d of %d passkeys that are taken were deleted at once, want all but one", won, len(ids))
	}
	left, err := k.Passkeys(ctx, u.ID)
	k.must(err)
	for _, p := range left {
		if p.AAGUID == refused {
			k.must(k.DeletePasskey(ctx, u.ID, p.ID, "", taken, c))
			continue
		}
		k.want("the last that is taken, by an administrator without a pass", k.DeletePasskey(ctx, u.ID, p.ID, "", taken, k.change(directory.PasskeyDeleted)), directory.ErrLastWayIn)
	}
}

// Who holds a passkey that is deleted is out, but for the browser that deletes.
func testDeletePasskeySessions(t *testing.T, k *kit) {
	ctx := k.Context()
	u, lost := k.member("maia", false)
	kept := k.passkey(u)
	k.must(k.Register(ctx, ceremony.Registration{Challenge: k.challenge(), Passkey: kept, Most: directory.MaxPasskeys, In: k.passSession(u).ID,
		Event: audit.Event{Time: k.now, Kind: audit.PasskeyAdded}}))
	_, err := k.EndSessions(ctx, u.ID, "", k.now)
	k.must(err)
	mine, _ := k.session(u, lost)
	thief, _ := k.session(u, lost)
	other, _ := k.session(u, kept)
	ana, anas := k.member("ana", false)
	theirs, _ := k.session(ana, anas)

	c := k.change(directory.PasskeyDeleted)
	k.want("another's", k.DeletePasskey(ctx, ana.ID, lost.ID, "", nil, c), directory.ErrNoPasskey)
	k.want("ana's only one", k.DeletePasskey(ctx, ana.ID, anas.ID, "", nil, c), directory.ErrLastWayIn)
	for _, s := range []session.Session{mine, thief, other, theirs} {
		if _, err := k.SessionByID(ctx, s.ID); err != nil {
			t.Errorf("after a deletion that failed: %v", err)
		}
	}
	k.must(k.DeletePasskey(ctx, u.ID, lost.ID, string(mine.ID), nil, c))
	_, err = k.SessionByID(ctx, thief.ID)
	k.want("a session of the deleted passkey", err, session.ErrNone)
	for name, s := range map[string]session.Session{"the deleter's": mine, "of another passkey": other, "ana's": theirs} {
		if _, err := k.SessionByID(ctx, s.ID); err != nil {
			t.Errorf("session %s: %v", name, err)
		}
	}
}

func testPasses(t *testing.T, k *kit) {
	ctx := k.Context()
	u := k.person("maia", false)
	_, err := k.AccessPass(ctx, u.ID)
	k.want("a pass that is not there", err, directory.ErrNoPass)
	p := directory.AccessPass{UserID: u.ID, IssuedBy: "admin", Issued: k.now, Expires: k.now.Add(time.Hour)}
	code, name := directory.CodeHash(bytesOf(32)), directory.CodeHash(bytesOf(32))
	k.must(k.PutAccessPass(ctx, p, code, name, k.change(directory.PassIssued)))
	got, err := k.AccessPass(ctx, u.ID)
	k.must(err)
	if !reflect.DeepEqual(got, p) {
		t.Errorf("pass = %+v, want %+v", got, p)
	}
	// Wrong codes from elsewhere do not count against the right one.
	try := ceremony.Redemption{Now: k.now, User: u.ID, Guesser: directory.CodeHash(bytesOf(32)), Name: name,
		Tries: directory.MaxPassTries, NameTries: directory.MaxNameTries, Event: audit.Event{Time: k.now, Kind: audit.PassSignIn}}
	for range directory.MaxPassTries {
		if result, err := k.Redeem(ctx, try); result != ceremony.PassWrong || err != nil {
			t.Fatalf("wrong code = %q, %v", result, err)
		}
	}
	for range 5 {
		if result, err := k.Redeem(ctx, try); result != ceremony.PassLocked || err != nil {
			t.Errorf("wrong code after %d others = %q, %v", directory.MaxPassTries, result, err)
		}
	}
	if n := k.count(audit.PassSignIn); n != directory.MaxPassTries+1 {
		t.Errorf("%d events, want one of each wrong code and one of the lock", n)
	}
	try.Guesser, try.Code = directory.CodeHash(bytesOf(32)), code
	won := 0
	atOnce(20, func(int) error {
		try := try
		s, token := session.Begin(k.now, u.ID, "", directory.From{})
		try.Session, try.Token = s, session.HashToken(token)
		_, err := k.Redeem(ctx, try)
		return err
	})
	list, err := k.Sessions(ctx, u.ID)
	k.must(err)
	if won = len(list); won != 1 {
		t.Errorf("20 redemptions at once began %d sessions, want 1", won)
	}
	if got, err = k.AccessPass(ctx, u.ID); err != nil || !got.Used.Equal(k.now) {
		t.Errorf("pass = %+v, %v, want it used now", got, err)
	}
}

// Wrong codes for one name from everywhere end the guessing too, until a new
// pass is issued.
func testNameTries(t *testing.T, k *kit) {
	ctx := k.Context()
	u := k.person("maia", false)
	name, code := directory.CodeHash(bytesOf(32)), directory.CodeHash(bytesOf(32))
	issue := func() {
		k.must(k.PutAccessPass(ctx, directory.AccessPass{UserID: u.ID, Issued: k.now, Expires: k.now.Add(9 * time.Hour)},
			code, name, k.change(directory.PassIssued)))
	}
	issue()
	const most = 100
	try := func(now time.Time) ceremony.PassResult {
		s, token := session.Begin(now, u.ID, "", directory.From{})
		result, err := k.Redeem(ctx, ceremony.Redemption{Now: now, User: u.ID, Guesser: directory.CodeHash(bytesOf(32)), Name: name,
			Tries: directory.MaxPassTries, NameTries: most, Session: s, Token: session.HashToken(token), Event: audit.Event{Time: now, Kind: audit.PassSignIn}})
		k.must(err)
		return result
	}
	atOnce(most, func(int) error {
		if result := try(k.now); result != ceremony.PassWrong {
			t.Errorf("one of many guesses = %q, want %q", result, ceremony.PassWrong)
		}
		return nil
	})
	if first, second := try(k.now), try(k.now); first != ceremony.PassLocked || second != ceremony.PassLocked {
		t.Errorf("guesses after %d others = %q and %q, want %q", most, first, second, ceremony.PassLocked)
	}
	issue()
	if result := try(k.now); result != ceremony.PassWrong {
		t.Errorf("guess at a new pass = %q, want %q", result, ceremony.PassWrong)
	}
}

func testSetupCode(t *testing.T, k *kit) {
	ctx := k.Context()
	old, code := directory.CodeHash(bytesOf(32)), directory.CodeHash(bytesOf(32))
	k.want("no code yet", k.CheckSetupCode(ctx, code, k.now), directory.ErrSetupCode)
	k.must(k.PutSetupCode(ctx, old, k.now.Add(time.Hour), k.change(directory.SetupOffered)))
	k.must(k.PutSetupCode(ctx, code, k.now.Add(time.Hour), k.change(directory.SetupOffered)))
	k.want("a code that was replaced", k.CheckSetupCode(ctx, old, k.now), directory.ErrSetupCode)
	k.want("the code", k.CheckSetupCode(ctx, code, k.now), nil)
	k.want("the code, too late", k.CheckSetupCode(ctx, code, k.now.Add(time.Hour)), directory.ErrSetupCode)

	won := atOnce(10, func(int) error {
		u, err := directory.NewUser{Username: "maia", DisplayName: "Maia", Admin: true}.Make(k.now)
		if err != nil {
			return err
		}
		p := k.passkey(u)
		s, token := session.Begin(k.now, u.ID, p.ID, directory.From{})
		return k.SetUp(ctx, ceremony.SetUp{Challenge: k.challenge(), Code: code, User: u, Passkey: p,
			Session: s, Token: session.HashToken(token), Event: audit.Event{Time: k.now, Kind: audit.SetUp}})
	})
	users, err := k.Users(ctx)
	k.must(err)
	if won != 1 || len(users) != 1 || k.count(audit.SetUp) != 1 {
		t.Errorf("10 setups at once: %d won, %d people, %d events; want 1 of each", won, len(users), k.count(audit.SetUp))
	}
	k.want("the code, afterwards", k.CheckSetupCode(ctx, code, k.now), directory.ErrSetUp)
	k.want("a new code, afterwards", k.PutSetupCode(ctx, code, k.now, k.change(directory.SetupOffered)), directory.ErrSetUp)
}
