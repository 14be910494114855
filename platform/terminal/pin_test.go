package terminal_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cardea/platform"
	"cardea/platform/terminal"
)

func pinScreen(p platform.PIN) platform.Screen {
	return platform.Screen{Sort: platform.ScreenPIN, Kind: platform.SecurityKey, PIN: &p}
}

func TestPINIsTypedUnseen(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ask   platform.PIN
		lines []string
		want  platform.Action
		says  string
	}{
		"a PIN, to the last space": {platform.PIN{Retries: -1}, []string{"Q b "}, platform.Action{Do: platform.DoPIN, Text: "Q b "}, "wants its PIN"},
		"nothing":                  {platform.PIN{Retries: -1}, []string{""}, platform.Action{Do: platform.DoBack}, "another way"},
		"after a wrong one":        {platform.PIN{Wrong: true, Retries: 3}, []string{"1234"}, platform.Action{Do: platform.DoPIN, Text: "1234"}, "3 tries are left"},
		"the last try":             {platform.PIN{Wrong: true, Retries: 1}, []string{"1234"}, platform.Action{Do: platform.DoPIN, Text: "1234"}, "can only be erased"},
		"a new one, twice":         {platform.PIN{New: true, Least: 6}, []string{"471147", "471147"}, platform.Action{Do: platform.DoPIN, Text: "471147"}, "at least 6 characters"},
		"a new one, mistyped": {platform.PIN{New: true, Least: 4}, []string{"1234", "4321", "5555", "5555"},
			platform.Action{Do: platform.DoPIN, Text: "5555"}, "aren't the same"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var echo []bool
			d, s := open(t, &terminal.Terminal{In: typed(c.lines...), Echo: func(on bool) error {
				echo = append(echo, on)
				return nil
			}})
			d.Show(pinScreen(c.ask))
			got, err := d.Act(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("Act (-want +got):\n%s", diff)
			}
			d.Show(platform.Screen{Sort: platform.ScreenProgress, Progress: platform.Progress{Stage: platform.StageTouchKey}})
			d.Close()
			if diff := cmp.Diff([]bool{false, true}, echo); diff != "" {
				t.Errorf("echo (-want +got):\n%s", diff)
			}
			if !strings.Contains(s.String(), c.says) {
				t.Errorf("the screen does not say %q:\n%s", c.says, s)
			}
		})
	}
}

// A terminal that would show the PIN is not asked for it.
func TestPINIsNotAskedForInSight(t *testing.T) {
	t.Parallel()
	for name, term := range map[string]*terminal.Terminal{
		"nobody there":        {},
		"no way to hide":      {In: typed("1234")},
		"hiding doesn't work": {In: typed("1234"), Echo: func(bool) error { return errors.New("not a terminal") }},
	} {
		d, s := open(t, term)
		d.Show(pinScreen(platform.PIN{Retries: -1}))
		if a, err := d.Act(t.Context()); err != nil || a.Do != platform.DoCancel {
			t.Errorf("%s: Act = %+v, %v, want the end of the request", name, a, err)
		}
		if !strings.Contains(s.String(), "PIN") {
			t.Errorf("%s: the screen says %q", name, s)
		}
	}
}

func TestRememberedPhoneIsNamedAndChosen(t *testing.T) {
	t.Parallel()
	d, s := open(t, &terminal.Terminal{In: typed("1")})
	d.Show(platform.Screen{Sort: platform.ScreenChoose, Ways: []platform.Way{
		{Kind: platform.Phone, ID: "7", Name: "Maia's\x1b[2J phone", Readiness: platform.Readiness{Usable: true}},
		{Kind: platform.Phone, Readiness: platform.Readiness{Usable: true}},
	}})
	want := platform.Action{Do: platform.DoChoose, Kind: platform.Phone, ID: "7"}
	if got, err := d.Act(t.Context()); err != nil || got != want {
		t.Errorf("Act = %+v, %v, want %+v", got, err, want)
	}
	if !strings.Contains(s.String(), "Maia's[2J phone") || strings.Contains(s.String(), "\x1b") {
		t.Errorf("the screen says %q", s)
	}
}
