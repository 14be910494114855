package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

type authenticatorInstallCommand struct {
	Uninstall bool `help:"Remove what install has written."`
}

// Where things of the app's are. The rule's number must be below 73, where
// systemd hands devices with the tag uaccess to whoever sits at the screen.
const (
	unitName = "cardea-authenticator.service"
	ruleName = "70-cardea-uhid.rules"
	ruleHome = "/etc/udev/rules.d"
)

// uhidRule lets the person at this computer's screen be a HID device. Other
// people gain nothing, but every program of that person does: /dev/uhid takes
// any HID device, a keyboard too. docs/decisions/0022 weighs it.
const uhidRule = `# Lets the person at the screen run the Cardea authenticator as a security key.
# Note: whoever may open /dev/uhid can be any HID device. With this rule, every
# program of the person at the screen, that one alone, can also be a keyboard: it
# could type into windows of other programs, into questions for an
# administrator's password, and at the login screen after the person's log-out if
# it still has the device open. Remove this file to take the permission back.
KERNEL=="uhid", SUBSYSTEM=="misc", OPTIONS+="static_node=uhid", TAG+="uaccess"
`

func (c *authenticatorInstallCommand) Run(s *session) error {
	config, err := os.UserConfigDir()
	if err != nil {
		return fmt.Errorf("finding your settings folder: %w", err)
	}
	unit := filepath.Join(config, "systemd", "user", unitName)
	rule := filepath.Join(config, "cardea", ruleName)
	if c.Uninstall {
		return c.uninstall(s, unit, rule)
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	settings := filepath.Join(config, "cardea", "authenticator.env")
	for _, f := range []struct{ path, text string }{{unit, serviceUnit(self, settings)}, {rule, uhidRule}} {
		if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
			return fmt.Errorf("installing the app: %w", err)
		}
		if err := os.WriteFile(f.path, []byte(f.text), 0o644); err != nil {
			return fmt.Errorf("installing the app: %w", err)
		}
	}
	_, err = fmt.Fprintf(s.out, `Wrote %s
Settings, such as CARDEA_AUTHENTICATOR_LISTEN=127.0.0.1:8482, go into %s

An administrator allows you to be a security key of this computer, once. Know
what that opens: every program that you run, not this one alone, can then also
be a keyboard of this computer, and type wherever keys go. Where programs that
you do not trust run as you, leave it out; the app works without it for browsers
with the extension, and as a phone.

  sudo install -m 644 %s %s
  sudo modprobe uhid
  sudo udevadm control --reload
  sudo udevadm trigger --action=add /sys/devices/virtual/misc/uhid

Then start the app, now and whenever you log in:

  systemctl --user daemon-reload
  systemctl --user enable --now %s
`, unit, settings, shellQuote(rule), ruleHome, unitName)
	return err
}

func (c *authenticatorInstallCommand) uninstall(s *session, paths ...string) error {
	for _, p := range paths {
		if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing the app: %w", err)
		}
	}
	_, err := fmt.Fprintf(s.out, `Removed. Your passkeys are still where they were.

To end the app that runs:

  systemctl --user disable --now %s

An administrator takes the permission back with:

  sudo rm -f %s
  sudo udevadm control --reload
`, unitName, filepath.Join(ruleHome, ruleName))
	return err
}

// serviceUnit is the systemd user unit that runs program.
func serviceUnit(program, settings string) string {
	return `[Unit]
Description=Passkeys of this person (Cardea)
# After the desktop, which tells its services where the screen is.
After=graphical-session.target

[Service]
EnvironmentFile=-` + strings.ReplaceAll(settings, "%", "%%") + `
ExecStart=` + unitQuote(program) + ` authenticator run --hid
Restart=on-failure
RestartSec=2
UMask=0077
NoNewPrivileges=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictRealtime=yes
SystemCallArchitectures=native

[Install]
WantedBy=default.target
`
}

// unitQuote is one word of a unit's command line (systemd.service(5)).
func unitQuote(word string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `%`, `%%`, `$`, `$$`).Replace(word) + `"`
}

// shellQuote is one word of a shell's command line.
func shellQuote(word string) string {
	if strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-") == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
