package terminal_test

import (
	"bytes"
	"context"
	"errors"
	"image/color"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"cardea/hybrid"
	"cardea/hybrid/qrimage"
	"cardea/platform"
	"cardea/platform/terminal"
	"cardea/platform/terminal/terminaltest"
)

// screen is what a terminal shows.
type screen struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func open(t *testing.T, term *terminal.Terminal) (platform.Dialog, *screen) {
	t.Helper()
	s := new(screen)
	term.Out = s
	d, err := term.Open(t.Context(), platform.Request{
		Purpose: platform.UsePasskey, Origin: "cardea-native://login.example.org/cardea-cli", RPID: "example.org",
	})
	if err != nil {
		t.Fatal(err)
	}
	return d, s
}

// typed is an Input on which the person has typed lines.
func typed(lines ...string) *terminal.Input {
	return terminal.NewInput(strings.NewReader(strings.Join(lines, "\n") + "\n"))
}

func code(t *testing.T) (string, platform.Matrix) {
	t.Helper()
	inv, err := hybrid.NewInvitation("ga")
	if err != nil {
		t.Fatal(err)
	}
	symbol, err := qrimage.Encode(inv.Text())
	if err != nil {
		t.Fatal(err)
	}
	m := make(platform.Matrix, symbol.Size())
	for y := range m {
		m[y] = make([]bool, symbol.Size())
		for x := range m[y] {
			m[y][x] = symbol.Black(x, y)
		}
	}
	return inv.Text(), m
}

func showCode(m platform.Matrix) platform.Screen {
	return platform.Screen{Sort: platform.ScreenProgress, Kind: platform.Phone, Progress: platform.Progress{Stage: platform.StageShowCode, Code: m}}
}

func TestCodeIsReadOnEveryBackground(t *testing.T) {
	t.Parallel()
	white, black, gray := color.Gray{Y: 255}, color.Gray{Y: 0}, color.Gray{Y: 128}
	for _, tt := range []struct {
		name           string
		colors         bool
		ink, paper     color.Gray
		reversedColors bool
	}{
		{"light", true, black, white, false},
		{"dark", true, white, black, false},
		{"gray", true, gray, gray, false},
		{"dark without colors", false, white, black, false},
		{"light without colors", false, black, white, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			want, m := code(t)
			d, s := open(t, &terminal.Terminal{Colors: tt.colors})
			d.Show(showCode(m))
			picture, ok := terminaltest.Picture(s.String(), tt.ink, tt.paper)
			if !ok {
				t.Fatalf("no code on the screen:\n%s", s)
			}
			got, err := qrimage.Decode(picture)
			if err != nil || got != want {
				t.Errorf("Decode() = %q, %v, want %q", got, err, want)
			}
		})
	}
}

func TestCodeHasItsQuietZone(t *testing.T) {
	t.Parallel()
	_, m := code(t)
	d, s := open(t, &terminal.Terminal{Colors: true})
	d.Show(showCode(m))
	lines := strings.Split(s.String(), "\n")
	rows := (len(m) + 2*terminal.Quiet + 1) / 2
	if len(lines) < rows {
		t.Fatalf("%d lines, want %d of a code", len(lines), rows)
	}
	for i, line := range []string{lines[0], lines[1]} {
		if want := "\x1b[38;5;231;48;5;231m" + strings.Repeat("▀", len(m)+2*terminal.Quiet) + "\x1b[0m"; line != want {
			t.Errorf("line %d = %q, want light modules only", i, line)
		}
	}
}

func TestCodeInAFile(t *testing.T) {
	t.Parallel()
	want, m := code(t)
	path := filepath.Join(t.TempDir(), "code.png")
	d, s := open(t, &terminal.Terminal{PNG: path})
	d.Show(showCode(m))
	if !strings.Contains(s.String(), path) {
		t.Errorf("the screen does not say where:\n%s", s)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode = %v: the code is a secret", info.Mode())
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := qrimage.Decode(img); err != nil || got != want {
		t.Errorf("Decode() = %q, %v, want %q", got, err, want)
	}
}

func TestCodeLeavesTheScreen(t *testing.T) {
	t.Parallel()
	_, m := code(t)
	d, s := open(t, &terminal.Terminal{Colors: true, Size: func() (int, int) { return 120, 50 }})
	d.Show(showCode(m))
	d.Show(platform.Screen{Sort: platform.ScreenProgress, Kind: platform.Phone, Progress: platform.Progress{Stage: platform.StageHeard}})
	if !strings.Contains(s.String(), "A\x1b[J  Heard your phone") {
		t.Errorf("the code stays:\n%q", s.String()[max(0, len(s.String())-200):])
	}
}

func TestSmallWindowIsToldSo(t *testing.T) {
	t.Parallel()
	_, m := code(t)
	d, s := open(t, &terminal.Terminal{Colors: true, Size: func() (int, int) { return 80, 20 }})
	d.Show(showCode(m))
	if !strings.Contains(s.String(), "too small") || !strings.Contains(s.String(), "--qr png FILE") {
		t.Errorf("screen = %.200q", s)
	}
}

func TestOldTerminalHasRoom(t *testing.T) {
	t.Parallel()
	want, m := code(t)
	d, s := open(t, &terminal.Terminal{Colors: true, Size: func() (int, int) { return 80, 24 }})
	d.Show(showCode(m))
	if n := strings.Count(s.String(), "\n"); n > 23 || strings.Contains(s.String(), "too small") {
		t.Errorf("%d lines, want at most 23", n)
	}
	picture, _ := terminaltest.Picture(s.String(), color.Gray{Y: 255}, color.Gray{})
	if got, err := qrimage.Decode(picture); err != nil || got != want {
		t.Errorf("Decode() = %q, %v, want %q", got, err, want)
	}
}

var threeWays = platform.Screen{Sort: platform.ScreenChoose, Ways: []platform.Way{
	{Kind: platform.ThisDevice, Readiness: platform.Readiness{Why: platform.NotRunning}},
	{Kind: platform.Phone, Readiness: platform.Readiness{Usable: true}},
	{Kind: platform.SecurityKey, Readiness: platform.Readiness{Usable: true}},
}}

func TestPersonAnswers(t *testing.T) {
	t.Parallel()
	failed := platform.Screen{Sort: platform.ScreenFailed, Kind: platform.Phone, Failed: &platform.Failed{Leg: platform.LegAdvert}}
	accounts := platform.Screen{Sort: platform.ScreenAccounts, Accounts: []string{"maia", ""}}
	waiting := platform.Screen{Sort: platform.ScreenProgress, Kind: platform.Phone, Progress: platform.Progress{Stage: platform.StageHeard}}
	for _, tt := range []struct {
		name   string
		screen platform.Screen
		typed  []string
		want   platform.Action
	}{
		{"a way", threeWays, []string{"2"}, platform.Action{Do: platform.DoChoose, Kind: platform.Phone}},
		{"a way that is not there, then one that is", threeWays, []string{"1", "4", "0", "-1", "x", "", " 3 "}, platform.Action{Do: platform.DoChoose, Kind: platform.SecurityKey}},
		{"nothing of it", threeWays, []string{"Q"}, platform.Action{Do: platform.DoCancel}},
		{"again", failed, []string{"2", "a"}, platform.Action{Do: platform.DoAgain}},
		{"another way", failed, []string{"b"}, platform.Action{Do: platform.DoBack}},
		{"another way while waiting", waiting, []string{"b"}, platform.Action{Do: platform.DoBack}},
		{"an account", accounts, []string{"3", "2"}, platform.Action{Do: platform.DoAccount, Index: 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d, s := open(t, &terminal.Terminal{In: typed(tt.typed...)})
			d.Show(tt.screen)
			if got, err := d.Act(t.Context()); got != tt.want || err != nil {
				t.Errorf("Act() = %+v, %v, want %+v\n%s", got, err, tt.want, s)
			}
		})
	}
}

func TestTypingWhileItWaitsIsNoAnswer(t *testing.T) {
	t.Parallel()
	_, m := code(t)
	d, s := open(t, &terminal.Terminal{In: typed("", "x", "1", "q"), Colors: true, Size: func() (int, int) { return 100, 50 }})
	d.Show(showCode(m))
	if a, err := d.Act(t.Context()); a.Do != platform.DoCancel || err != nil {
		t.Errorf("Act() = %+v, %v", a, err)
	}
	d.Close()
	if strings.Contains(s.String(), "none of them") || strings.Contains(s.String(), "\x1b[J") {
		t.Errorf("somebody was answered who was not asked, or lines were wiped that are not the code's:\n%q", s)
	}
}

func TestInputThatNobodyReadsEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		in := terminal.NewInput(strings.NewReader("one\ntwo\n"))
		synctest.Wait() // it is at the first line
		in.Close()
		in.Close()
		synctest.Wait() // a goroutine that stays fails the test
	})
}

func TestEndOfInputClosesTheDialog(t *testing.T) {
	t.Parallel()
	d, _ := open(t, &terminal.Terminal{In: terminal.NewInput(strings.NewReader(""))})
	d.Show(threeWays)
	if _, err := d.Act(t.Context()); !errors.Is(err, platform.ErrDialogClosed) {
		t.Errorf("Act() = %v, want ErrDialogClosed", err)
	}
}

func TestEndOfTheRequestEndsTheWait(t *testing.T) {
	t.Parallel()
	r, w := io.Pipe()
	defer w.Close()
	d, _ := open(t, &terminal.Terminal{In: terminal.NewInput(r)})
	d.Show(threeWays)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Act(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Act() = %v, want context.Canceled", err)
	}
}

// Where nobody can answer, a question is a no; waiting is not a question.
func TestNobodyIsAskedWhoIsNotThere(t *testing.T) {
	t.Parallel()
	for _, s := range []platform.Screen{
		threeWays,
		{Sort: platform.ScreenFailed, Kind: platform.Phone, Failed: &platform.Failed{Leg: platform.LegRelay}},
		{Sort: platform.ScreenAccounts, Accounts: []string{"a", "b"}},
	} {
		d, out := open(t, new(terminal.Terminal))
		d.Show(s)
		if a, err := d.Act(t.Context()); a.Do != platform.DoCancel || err != nil {
			t.Errorf("%s: Act() = %+v, %v", s.Sort, a, err)
		}
		if strings.Contains(out.String(), "Type ") {
			t.Errorf("%s: nobody is there to type:\n%s", s.Sort, out)
		}
	}
}

func TestNoWayAtAllEndsIt(t *testing.T) {
	t.Parallel()
	d, s := open(t, &terminal.Terminal{In: typed("1", "1")})
	d.Show(platform.Screen{Sort: platform.ScreenChoose, Ways: threeWays.Ways[:1]})
	if a, err := d.Act(t.Context()); a.Do != platform.DoCancel || err != nil {
		t.Errorf("Act() = %+v, %v", a, err)
	}
	if !strings.Contains(s.String(), "cardea authenticator") {
		t.Errorf("nobody is told what to do:\n%s", s)
	}
}

func TestEveryLegAndReasonHasItsOwnWords(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	say := func(name string, s platform.Screen) {
		d, out := open(t, new(terminal.Terminal))
		d.Show(s)
		if other, twice := seen[out.String()]; twice {
			t.Errorf("%s and %s read the same:\n%s", name, other, out)
		}
		if strings.Contains(out.String(), "the part called") || strings.TrimSpace(out.String()) == "" {
			t.Errorf("%s has no words: %q", name, out)
		}
		seen[out.String()] = name
	}
	for _, l := range []platform.Leg{platform.LegDevice, platform.LegRadio, platform.LegAdvert, platform.LegRelay, platform.LegHandshake,
		platform.LegPeer, platform.LegTimeout, platform.LegNoKey, platform.LegKey} {
		say(string(l), platform.Screen{Sort: platform.ScreenFailed, Kind: platform.Phone, Failed: &platform.Failed{Leg: l}})
	}
	for _, r := range []platform.Reason{platform.ReasonDeclined, platform.ReasonNoPasskey, platform.ReasonTooLate, platform.ReasonTooOld,
		platform.ReasonCannotVerify, platform.ReasonBlocked, platform.ReasonUnplug, platform.ReasonNotUnlock, platform.ReasonFault} {
		say(string(r), platform.Screen{Sort: platform.ScreenFailed, Kind: platform.Phone, Failed: &platform.Failed{Reason: r}})
	}
	for _, st := range []platform.Stage{platform.StageAskHere, platform.StageRadioOff, platform.StageHeard, platform.StageRelayed,
		platform.StageAnswered, platform.StageInsertKey, platform.StageChooseKey, platform.StageTouchKey} {
		say(string(st), platform.Screen{Sort: platform.ScreenProgress, Progress: platform.Progress{Stage: st}})
	}
}
