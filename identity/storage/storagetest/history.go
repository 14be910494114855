package storagetest

import (
	"fmt"
	"testing"
	"time"

	"cardea/identity/audit"
	"cardea/identity/directory"
)

// chrome and edge say of themselves what browsers say: each is several others.
const (
	chrome = "Mozilla/5.0 (Windows NT 10.0) Chrome/156.0 Safari/537.36"
	edge   = chrome + " Edg/156.0"
)

func testSearch(t *testing.T, k *kit) {
	ctx := k.Context()
	k.must(k.PutClient(ctx, directory.Client{ID: "app", Name: "Catalog"}))
	k.must(k.PutClient(ctx, directory.Client{ID: "ours", Name: "My Account", FirstParty: true}))
	for i, e := range []audit.Event{
		{Detail: "app", Kind: audit.ClientSignIn, Client: "app", Address: "192.0.2.17", UserAgent: chrome, Reference: "AAAA-0001"},
		{Detail: "ours", Kind: audit.ClientSignIn, Client: "ours"},
		{Detail: "stopped", Kind: audit.SignIn, Outcome: audit.Refused, Reason: "bad_signature", Address: "198.51.100.9", UserAgent: edge, Reference: "AAAA-0002"},
		{Detail: "added", Kind: audit.PasskeyAdded, PasskeyID: "key", Address: "192.0.2.17", UserAgent: edge, Reference: "100%_sure"},
		{Detail: "in", Kind: audit.SignIn, PasskeyID: "key", Address: "192.0.2.170", UserAgent: chrome, Reference: "AAAA-0003"},
	} {
		if e.Outcome == "" {
			e.Outcome = audit.Done
		}
		e.Time, e.UserID = k.now.Add(time.Duration(i)*time.Hour), "maia"
		k.must(k.AddEvent(ctx, e))
		e.UserID, e.Detail, e.ID = "ana", "another's", ""
		k.must(k.AddEvent(ctx, e))
	}
	term := func(terms ...audit.Term) audit.Search { return audit.Search{Terms: terms} }
	for name, tt := range map[string]struct {
		q    audit.Search
		want string
	}{
		"everything":                 {audit.Search{}, "in added stopped app"},
		"what worked":                {audit.Search{Show: audit.Worked}, "in app"},
		"what was stopped":           {audit.Search{Show: audit.Stopped}, "stopped"},
		"changes":                    {audit.Search{Show: audit.Changes}, "added"},
		"of the last hours":          {audit.Search{Since: k.now.Add(3 * time.Hour)}, "in added"},
		"of one kind":                {audit.Search{Kinds: []audit.Kind{audit.SignIn}}, "in stopped"},
		"an address":                 {term(audit.Term{Text: "192.0.2.17"}), "in added app"},
		"a reference, in lower case": {term(audit.Term{Text: "aaaa-0002"}), "stopped"},
		"an application":             {term(audit.Term{Text: "CATA"}), "app"},
		"a sign of LIKE":             {term(audit.Term{Text: "%"}), "added"},
		"another sign of LIKE":       {term(audit.Term{Text: "_"}), "added"},
		"the sign that escapes":      {term(audit.Term{Text: `\`}), ""},
		"a sentence of SQL":          {term(audit.Term{Text: "' OR 1=1 --"}), ""},
		"a deed":                     {term(audit.Term{Deeds: []audit.Deed{{Kind: audit.SignIn, Outcome: audit.Done}}}), "in"},
		"a reason":                   {term(audit.Term{Reasons: []string{"bad_signature", "x"}}), "stopped"},
		"a passkey":                  {term(audit.Term{Passkeys: []directory.PasskeyID{"key"}}), "in added"},
		"a browser":                  {term(audit.Term{Agents: []audit.Agents{{Word: "edg/"}}}), "added stopped"},
		"a browser and no other":     {term(audit.Term{Agents: []audit.Agents{{Word: "Chrome/", But: []string{"Edg/"}}}}), "in app"},
		"one part or the other":      {term(audit.Term{Text: "0002", Reasons: []string{"x"}, Passkeys: []directory.PasskeyID{"key"}}), "in added stopped"},
		"two terms":                  {term(audit.Term{Text: "192.0.2.17"}, audit.Term{Passkeys: []directory.PasskeyID{"key"}}), "in added"},
		"a term of nothing":          {term(audit.Term{}), ""},
	} {
		tt.q.User, tt.q.Limit = "maia", 100
		found, err := k.FindEvents(ctx, tt.q)
		k.must(err)
		if got := details(found); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func testPages(t *testing.T, k *kit) {
	ctx := k.Context()
	for i := range 10 {
		// Several in one millisecond, and another's between them.
		e := audit.Event{Time: k.now.Add(time.Duration(i/4) * time.Millisecond), Kind: audit.SignIn, UserID: "maia", Outcome: audit.Done, Detail: fmt.Sprint(i)}
		k.must(k.AddEvent(ctx, e))
		e.UserID = "ana"
		k.must(k.AddEvent(ctx, e))
	}
	first, err := k.FindEvents(ctx, audit.Search{User: "maia", Limit: 4})
	k.must(err)
	second, err := k.FindEvents(ctx, audit.Search{User: "maia", Limit: 4, Before: first[3].ID})
	k.must(err)
	last, err := k.FindEvents(ctx, audit.Search{User: "maia", Limit: 4, Before: second[3].ID})
	k.must(err)
	back, err := k.FindEvents(ctx, audit.Search{User: "maia", Limit: 4, After: last[0].ID})
	k.must(err)
	if got := details(first) + "|" + details(second) + "|" + details(last) + "|" + details(back); got != "9 8 7 6|5 4 3 2|1 0|5 4 3 2" {
		t.Errorf("pages = %s", got)
	}
}

func testOneEvent(t *testing.T, k *kit) {
	ctx := k.Context()
	k.must(k.PutClient(ctx, directory.Client{ID: "app", Name: "Catalog"}))
	k.must(k.AddEvent(ctx, audit.Event{Time: k.now, Kind: audit.ClientSignIn, UserID: "maia", Client: "app", Outcome: audit.Done}))
	list, err := k.EventsByUser(ctx, "maia", 1)
	k.must(err)
	e, err := k.Event(ctx, "maia", list[0].ID)
	k.must(err)
	if e != list[0] || e.ClientName != "Catalog" {
		t.Errorf("event = %+v, want %+v", e, list[0])
	}
	_, err = k.Event(ctx, "ana", list[0].ID)
	k.want("another's event", err, audit.ErrNone)
	_, err = k.Event(ctx, "maia", "nothing")
	k.want("an event that is not there", err, audit.ErrNone)
}

func testProfile(t *testing.T, k *kit) {
	ctx := k.Context()
	u := k.person("maia", false)
	ana := k.person("ana", false)
	k.must(k.SetDisplayName(ctx, u.ID, "Maia O.", k.change(directory.UserRenamed)))
	k.must(k.SetLanguage(ctx, u.ID, "de"))
	got, err := k.User(ctx, u.ID)
	k.must(err)
	if got.DisplayName != "Maia O." || got.Language != "de" || k.count(audit.UserRenamed) != 1 {
		t.Errorf("person = %+v with %d records of the name, want one", got, k.count(audit.UserRenamed))
	}
	if other, err := k.User(ctx, ana.ID); err != nil || other.DisplayName != "ana" || other.Language != "" {
		t.Errorf("another person = %+v, %v", other, err)
	}
	k.want("the name of nobody", k.SetDisplayName(ctx, "nobody", "x", k.change(directory.UserRenamed)), directory.ErrNoUser)
	k.want("the language of nobody", k.SetLanguage(ctx, "nobody", "de"), directory.ErrNoUser)
	if n := k.count(audit.UserRenamed); n != 1 {
		t.Errorf("%d records after a change of nobody, want 1", n)
	}
}
