package storage

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	osexec "os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pressly/goose/v3"

	"cardea/identity/directory"
	"cardea/identity/session"
)

func TestOldSQLiteIsRefused(t *testing.T) {
	t.Parallel()
	for version, ok := range map[string]bool{
		"3.51.3": true, "3.51.10": true, "3.53.4": true, "4.0.0": true,
		"3.51.2": false, "3.50.7": false, "3.7.0": false, "2.99.99": false, "": false, "three": false,
	} {
		if err := versionOK(version); (err == nil) != ok {
			t.Errorf("versionOK(%q) = %v, want ok: %v", version, err, ok)
		}
	}
}

func TestOneProcessHasTheFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "cardea.db")
	db, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := Open(t.Context(), path); !errors.Is(err, ErrInUse) {
		t.Errorf("second Open() = %v, %v, want %v", second, err, ErrInUse)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db, err = Open(t.Context(), path)
	if err != nil {
		t.Fatalf("after Close: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

func TestFilesAreTheOwnersOnly(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows keeps no modes")
	}
	db := openTest(t)
	if err := db.write(t.Context(), note("x")); err != nil {
		t.Fatal(err)
	}
	var path string
	if err := db.rdb.QueryRow("SELECT file FROM pragma_database_list").Scan(&path); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) < 3 {
		t.Fatalf("files = %v, %v, want database, log and lock", files, err)
	}
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("%s has mode %o, want 600", filepath.Base(f), mode)
		}
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	db := openTest(t)
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"} {
		var got string
		if err := db.wdb.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s = %q (%v), want %q", pragma, got, err, want)
		}
	}
	if _, err := db.rdb.Exec("DELETE FROM event"); err == nil {
		t.Error("a reader can write")
	}
}

func TestMigrationsGoDownAndUpAgain(t *testing.T) {
	t.Parallel()
	db := openTest(t)
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db.wdb, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.DownTo(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	var left int
	if err := db.wdb.QueryRow(`SELECT count(*) FROM sqlite_schema WHERE type = 'table'
		AND name NOT LIKE 'goose%' AND name NOT LIKE 'sqlite%'`).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d tables left (%v), want none", left, err)
	}
	if _, err := p.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := db.write(t.Context(), note("x")); err != nil {
		t.Error(err)
	}
}

// The SQL is the kind that PostgreSQL understands too.
func TestStatementsArePortable(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob("migrations/*.sql")
	if err != nil || len(more) == 0 {
		t.Fatalf("migrations = %v, %v", more, err)
	}
	for _, f := range append(files, more...) {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{"INSERT OR ", "REPLACE INTO", "AUTOINCREMENT", "STRICT", "datetime(", "strftime(", "CURRENT_TIMESTAMP", "WITHOUT ROWID", "IFNULL("} {
			if strings.Contains(string(b), word) {
				t.Errorf("%s has %q, which is SQLite's own", f, word)
			}
		}
	}
}

const crashEnv = "CARDEA_STORAGE_CRASH"

func TestMain(m *testing.M) {
	if path := os.Getenv(crashEnv); path != "" {
		writeUntilKilled(path)
	}
	os.Exit(m.Run())
}

// writeUntilKilled writes from many goroutines and says on standard output
// what has been acknowledged.
func writeUntilKilled(path string) {
	db, err := Open(context.Background(), path)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var mu sync.Mutex
	for g := range 16 {
		go func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%d-%d-%d", os.Getpid(), g, i)
				if err := db.write(context.Background(), note(id)); err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				mu.Lock()
				fmt.Println(id)
				mu.Unlock()
			}
		}()
	}
	select {}
}

// A process that is killed while it writes loses nothing that it has
// acknowledged, and leaves a database that opens.
func TestAcknowledgedWritesSurviveAKill(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "cardea.db")
	var acknowledged []string
	for round := range 4 {
		cmd := osexec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), crashEnv+"="+path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		var stderr strings.Builder
		cmd.Stderr = &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			acknowledged = append(acknowledged, lines.Text())
			if n == 100+37*round {
				// SIGKILL: no deferred call, no flush, no goodbye. What is in
				// the pipe was acknowledged too and is read to its end.
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := cmd.Wait(); err == nil || stderr.Len() != 0 {
			t.Fatalf("child: %v, %s", err, stderr.String())
		}
	}
	db, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var verdict string
	if err := db.wdb.QueryRow("PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("integrity_check = %q, %v", verdict, err)
	}
	if len(acknowledged) < 400 {
		t.Fatalf("%d writes acknowledged, want hundreds", len(acknowledged))
	}
	for _, id := range acknowledged {
		// The last line may have been cut by the kill.
		if strings.Count(id, "-") == 2 && !strings.HasSuffix(id, "-") && !db.has(t, id) && id != acknowledged[len(acknowledged)-1] {
			t.Errorf("%s was acknowledged and is gone", id)
		}
	}
}

func BenchmarkSessionByToken(b *testing.B) {
	db := openTest(b)
	token := seedSessions(b, db, 1000)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := db.SessionByToken(b.Context(), session.HashToken(token)); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "reads/s")
}

// A house that was running before the sixth migration goes on: people,
// sessions, refresh tokens and the record are what they were.
func TestOlderDatabaseIsBroughtUpToDate(t *testing.T) {
	t.Parallel()
	ctx, path := t.Context(), filepath.Join(t.TempDir(), "cardea.db")
	old, err := open(path, 1)
	if err != nil {
		t.Fatal(err)
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, old, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(ctx, 5); err != nil {
		t.Fatal(err)
	}
	token := session.HashToken("token")
	for _, row := range []struct {
		statement string
		args      []any
	}{
		{"INSERT INTO person (id, handle, username, display_name, admin, disabled, created_at) VALUES ('m', x'01', 'maia', 'Maia', TRUE, FALSE, 1000)", nil},
		{"INSERT INTO person (id, handle, username, display_name, admin, disabled, created_at) VALUES ('j', x'02', 'jo', 'Jo', FALSE, TRUE, 2000)", nil},
		{`INSERT INTO session (id, token_hash, person_id, passkey_id, created_at, auth_at, seen_at, expires_at, amr, acr, user_agent, address)
			VALUES ('s', $1, 'm', 'k', 3000, 3000, 3000, 9000, '["pop"]', 'phr', 'agent', '192.0.2.1')`, []any{token[:]}},
		{`INSERT INTO refresh_family (id, client_id, person_id, session_id, scope, auth_at, acr, amr, issued_at, expires_at)
			VALUES (x'03', 'terminal', 'm', 's', 'openid', 3000, 'phr', '[]', 3000, 9000)`, nil},
		{`INSERT INTO event (id, at, kind, person_id, by_id, client_id, outcome, reason, reference, address, user_agent, passkey_id, detail)
			VALUES ('e1', 3000, 'sign_in', 'm', '', '', 'done', '', '7F3C-91DA-20B8', '192.0.2.1', 'agent', 'k', '')`, nil},
	} {
		if _, err := old.ExecContext(ctx, row.statement, row.args...); err != nil {
			t.Fatalf("%s: %v", row.statement, err)
		}
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}

	db, err := Open(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	people, err := db.List(ctx, directory.Listing{Limit: 9})
	if err != nil || len(people) != 2 || people[0].Username != "jo" || !people[0].Disabled || people[0].Language != "" || !people[1].Admin || people[1].DisplayName != "Maia" {
		t.Errorf("people = %+v, %v", people, err)
	}
	if s, err := db.SessionByToken(ctx, token); err != nil || s.Kept || s.ID != "s" || !s.Expires.Equal(time.UnixMilli(9000)) {
		t.Errorf("session = %+v, %v; want it as it was, and not kept", s, err)
	}
	if held, err := db.Holdings(ctx, "m", time.UnixMilli(4000)); err != nil || len(held) != 1 || held[0].Client != "terminal" {
		t.Errorf("held = %+v, %v", held, err)
	}
	if found, err := db.EventsByReference(ctx, "7F3C-91DA-20B8", 9); err != nil || len(found) != 1 || found[0].Username != "maia" {
		t.Errorf("events of the reference = %+v, %v", found, err)
	}
	if err := db.SetLanguage(ctx, "m", "de"); err != nil {
		t.Error(err)
	}
	if err := db.KeepSession(ctx, "s", time.UnixMilli(10_000)); err != nil {
		t.Error(err)
	}
}
