package storagetest

import (
	"reflect"
	"testing"
	"time"

	"cardea/identity/audit"
	"cardea/identity/ceremony"
	"cardea/identity/directory"
	"cardea/identity/session"
)

func testSessions(t *testing.T, k *kit) {
	ctx := k.Context()
	_, err := k.SessionByToken(ctx, session.TokenHash(bytesOf(32)))
	k.want("a token that opens nothing", err, session.ErrNone)
	_, err = k.SessionByID(ctx, "none")
	k.want("an ID of nothing", err, session.ErrNone)

	u, p := k.member("maia", false)
	k.want("ending nothing", k.EndSession(ctx, "none", k.now), session.ErrNone)
	ended, err := k.EndSessions(ctx, u.ID, "", k.now) // the pass's
	k.must(err)
	if ended != 1 {
		t.Errorf("ended %d sessions, want 1", ended)
	}
	first, h := k.session(u, p)
	byToken, err := k.SessionByToken(ctx, h)
	k.must(err)
	byID, err := k.SessionByID(ctx, first.ID)
	k.must(err)
	if !reflect.DeepEqual(byToken, first) || !reflect.DeepEqual(byID, first) {
		t.Errorf("session by token = %+v\n        by ID    = %+v\n        want       %+v", byToken, byID, first)
	}
	second, _ := k.session(u, p)
	third, _ := k.session(u, p)
	k.must(k.TouchSession(ctx, second.ID, k.now.Add(time.Minute)))
	k.must(k.TouchSession(ctx, second.ID, k.now)) // never back
	list, err := k.Sessions(ctx, u.ID)
	k.must(err)
	if len(list) != 3 || list[0].ID != second.ID || !list[0].LastSeen.Equal(k.now.Add(time.Minute)) {
		t.Errorf("sessions = %+v, want three, the one touched first", list)
	}
	k.want("keeping nothing", k.KeepSession(ctx, "none", k.now), session.ErrNone)
	kept := third
	kept.Keep()
	k.must(k.KeepSession(ctx, third.ID, kept.Expires))
	if got, err := k.SessionByID(ctx, third.ID); err != nil || !reflect.DeepEqual(got, kept) {
		t.Errorf("kept session = %+v, %v\n              want %+v", got, err, kept)
	}
	if got, err := k.SessionByID(ctx, second.ID); err != nil || got.Kept || !got.Expires.Equal(second.Expires) {
		t.Errorf("session beside it = %+v, %v, want it as it was", got, err)
	}
	k.must(k.EndSession(ctx, first.ID, k.now))
	k.want("ending it twice", k.EndSession(ctx, first.ID, k.now), session.ErrNone)
	if ended, err = k.EndSessions(ctx, u.ID, third.ID, k.now); err != nil || ended != 1 {
		t.Errorf("EndSessions() = %d, %v, want 1", ended, err)
	}
	if list, err = k.Sessions(ctx, u.ID); err != nil || len(list) != 1 || list[0].ID != third.ID {
		t.Errorf("sessions = %+v, %v, want the third", list, err)
	}
	if one, all := k.count(audit.SessionEnded), k.count(audit.SessionsEnded); one != 1 || all != 2 {
		t.Errorf("%d events of one session and %d of several, want 1 and 2", one, all)
	}
}

func testSignIn(t *testing.T, k *kit) {
	ctx := k.Context()
	u, p := k.member("maia", false)
	old, oldToken := k.session(u, p)
	change := func(was directory.Passkey, count uint32) ceremony.SignIn {
		s, token := session.Begin(k.now, u.ID, p.ID, directory.From{})
		return ceremony.SignIn{Challenge: k.challenge(), Was: was, SignCount: count, Flags: 0x1d,
			From: directory.From{UserAgent: "agent", Address: "address"}, Session: s, Token: session.HashToken(token),
			Events: []audit.Event{{Time: k.now, Kind: audit.SignIn}, {Time: k.now, Kind: audit.SignCountBack}}}
	}
	// What fails leaves nothing behind.
	stale := p
	stale.SignCount--
	failed := change(stale, 9)
	failed.Ends = oldToken
	k.want("a passkey that was changed", k.SignIn(ctx, failed), ceremony.ErrPasskeyChanged)
	gone := p
	gone.ID = "gone"
	k.want("a passkey that was deleted", k.SignIn(ctx, change(gone, 9)), directory.ErrNoPasskey)
	if _, err := k.SessionByID(ctx, old.ID); err != nil {
		t.Errorf("the session to be replaced, after a failure: %v", err)
	}
	if k.count(audit.SignIn) != 0 {
		t.Error("a sign-in that failed has an event")
	}
	// The same change works once the passkey is right: its challenge was not
	// spent by the failure.
	failed.Was = p
	failed.Session.Keep()
	k.must(k.SignIn(ctx, failed))
	if begun, err := k.SessionByID(ctx, failed.Session.ID); err != nil || !reflect.DeepEqual(begun, failed.Session) {
		t.Errorf("the session that began = %+v, %v\n                        want %+v", begun, err, failed.Session)
	}
	_, err := k.SessionByID(ctx, old.ID)
	k.want("the session that was replaced", err, session.ErrNone)
	got, _, err := k.Credential(ctx, p.CredentialID)
	k.must(err)
	if got.SignCount != 9 || got.Flags != 0x1d || !got.LastUsed.Equal(k.now) || got.LastUsedFrom != failed.From {
		t.Errorf("passkey = %+v, want count, flags and last use", got)
	}
	if k.count(audit.SignIn) != 1 || k.count(audit.SignCountBack) != 1 {
		t.Error("want both events, once")
	}
	again := change(got, 10)
	again.Challenge = failed.Challenge
	k.want("a spent challenge", k.SignIn(ctx, again), ceremony.ErrSpent)
	// A refusal of a spent challenge is recorded and no error.
	k.must(k.Refuse(ctx, failed.Challenge, audit.Event{Time: k.now, Kind: audit.SignIn, Outcome: audit.Refused}))
	refused := change(got, 10)
	k.must(k.Refuse(ctx, refused.Challenge, audit.Event{Time: k.now, Kind: audit.SignIn, Outcome: audit.Refused}))
	k.want("a refused challenge", k.SignIn(ctx, refused), ceremony.ErrSpent)
}

func testRegister(t *testing.T, k *kit) {
	ctx := k.Context()
	maia, taken := k.member("maia", false)
	ana := k.person("ana", false)
	in := k.passSession(ana)
	registration := func(p directory.Passkey) ceremony.Registration {
		return ceremony.Registration{Challenge: k.challenge(), Passkey: p, Most: directory.MaxPasskeys, In: in.ID,
			Event: audit.Event{Time: k.now, Kind: audit.PasskeyAdded}}
	}
	before := k.count(audit.PasskeyAdded)
	theft := k.passkey(ana)
	theft.CredentialID = taken.CredentialID
	k.want("another's credential ID", k.Register(ctx, registration(theft)), directory.ErrPasskeyExists)
	other := registration(k.passkey(maia))
	k.want("in another's session", k.Register(ctx, other), session.ErrNone)
	r := registration(k.passkey(ana))
	next, token := session.Begin(k.now, ana.ID, r.Passkey.ID, directory.From{})
	r.Session, r.Token = &next, session.HashToken(token)
	if k.count(audit.PasskeyAdded) != before {
		t.Error("a registration that failed has an event")
	}
	k.must(k.Register(ctx, r))
	_, err := k.SessionByID(ctx, in.ID)
	k.want("the pass's session", err, session.ErrNone)
	if _, err := k.SessionByID(ctx, next.ID); err != nil {
		t.Errorf("the session in its place: %v", err)
	}
	k.want("the same challenge", k.Register(ctx, r), ceremony.ErrSpent)

	in = next
	for range directory.MaxPasskeys - 1 {
		k.must(k.Register(ctx, registration(k.passkey(ana))))
	}
	k.want("one too many", k.Register(ctx, registration(k.passkey(ana))), directory.ErrTooManyPasskeys)
	more := registration(k.passkey(ana))
	more.Most = directory.MaxPasskeys + 1
	k.must(k.Register(ctx, more))
	few := registration(k.passkey(ana))
	few.Most = 2
	k.want("one too many of two", k.Register(ctx, few), directory.ErrTooManyPasskeys)
	// The victim's passkey is what it was.
	got, owner, err := k.Credential(ctx, taken.CredentialID)
	k.must(err)
	if !reflect.DeepEqual(got, taken) || owner.ID != maia.ID {
		t.Errorf("the passkey that was to be taken over = %+v of %v", got, owner)
	}
}

func testForgotten(t *testing.T, k *kit) {
	ctx := k.Context()
	c := k.challenge()
	e := audit.Event{Time: k.now, Kind: audit.SignIn}
	k.must(k.Refuse(ctx, c, e))
	_, p := k.member("maia", false)
	spend := func(c ceremony.Challenge) error {
		s, token := session.Begin(c.Now, p.UserID, p.ID, directory.From{})
		return k.SignIn(ctx, ceremony.SignIn{Challenge: c, Was: p, SignCount: p.SignCount, Flags: p.Flags,
			Session: s, Token: session.HashToken(token)})
	}
	c.Now = c.Until // others sweep at the last moment
	k.must(k.Refuse(ctx, ceremony.Challenge{Hash: [32]byte(bytesOf(32)), Until: c.Until.Add(time.Hour), Now: c.Until}, e))
	k.want("a spent challenge at its end", spend(c), ceremony.ErrSpent)
	c.Now = c.Until.Add(time.Millisecond)
	k.want("a spent challenge after its end", spend(c), nil)
}
