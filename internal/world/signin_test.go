package world

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image/color"
	"image/png"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/sys/unix"

	"cardea/authenticator"
	"cardea/authenticator/authtest"
	"cardea/hybrid"
	"cardea/hybrid/link"
	"cardea/hybrid/qrimage"
	"cardea/platform/terminal/terminaltest"
	"cardea/signin"
)

// programDir holds the command while the tests run; TestMain removes it.
var programDir string

// program builds the command once.
var program = sync.OnceValues(func() (string, error) {
	var err error
	if programDir, err = os.MkdirTemp("", "cardea-cli-"); err != nil {
		return "", err
	}
	path := filepath.Join(programDir, "cardea")
	out, err := exec.Command("go", "build", "-o", path, "cardea/cmd/cardea").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building: %w\n%s", err, out)
	}
	return path, nil
})

// A shell is where a person types commands in the world.
type shell struct {
	t      *testing.T
	world  *World
	log    *heard                       // of all parties
	holder *authenticator.Authenticator // the person's phone
	path   string                       // of the command
	home   string
	env    []string
	place  []string // flags that name the account
	how    []string // and those that say how to sign in
}

func openShell(t *testing.T) *shell {
	t.Helper()
	holder, _, _ := authtest.New()
	sh := openShellFor(t, func(w *World) {
		if err := visit(t, w, holder).setUp(t.Context()); err != nil {
			t.Fatalf("setting up: %v", err)
		}
	})
	sh.holder = holder
	return sh
}

// openShellFor opens a shell in a world where setUp has made the person.
func openShellFor(t *testing.T, setUp func(*World)) *shell {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	w, log := start(t)
	setUp(w)
	sh := &shell{t: t, world: w, log: log, path: path, home: t.TempDir()}
	sh.configure(w.Computer.AgentSocket)
	sh.env = []string{"HOME=" + sh.home, "PATH=" + os.Getenv("PATH"), "TERM=xterm-256color", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null"}
	sh.place = []string{"--issuer", w.LoginURL, "--store", "file"}
	return sh
}

// configure says what the command reaches: the passkey app at a socket, the
// world's air and its relay.
func (sh *shell) configure(authenticator string) {
	sh.t.Helper()
	sh.relayAt(authenticator, sh.world.Relay.URL)
}

func (sh *shell) relayAt(authenticator, relay string) {
	sh.t.Helper()
	config := filepath.Join(sh.home, "host.json")
	b, err := json.Marshal(map[string]any{
		"authenticator": authenticator, "air": sh.world.AirSocket(), "relays": map[string]string{RelayDomain(): relay},
	})
	if err != nil {
		sh.t.Fatal(err)
	}
	if err := os.WriteFile(config, b, 0o600); err != nil {
		sh.t.Fatal(err)
	}
	sh.how = []string{"--host-config", config}
}

// tokens is the folder that they are kept in.
func (sh *shell) tokens() signin.Files {
	return signin.Files{Folder: filepath.Join(sh.home, ".local", "state", "cardea", "tokens")}
}

func (sh *shell) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(sh.t.Context(), sh.path, args...)
	cmd.Env = sh.env
	// Whoever runs the tests may have a terminal; this process has none.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd
}

// run runs a command to its end, with nobody to ask.
func (sh *shell) run(stdin string, args ...string) (out, errOut string, err error) {
	cmd := sh.command(args...)
	var o, e heard
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &o, &e
	err = cmd.Run()
	return o.String(), e.String(), err
}

func (sh *shell) signin(args ...string) []string {
	return append(append(append([]string{"signin"}, args...), sh.place...), sh.how...)
}

// A console is a terminal, with a command that runs on it.
type console struct {
	heard        // what is on the screen
	out    heard // what went to standard output
	errOut heard // and to standard error
	tty    *os.File
	cmd    *exec.Cmd
	read   sync.WaitGroup
}

// console runs a command on a terminal of its own.
func (sh *shell) console(args ...string) *console {
	sh.t.Helper()
	tty, slave := pty(sh.t)
	c := &console{tty: tty, cmd: sh.command(args...)}
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = slave, &c.out, &c.errOut
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	if err := c.cmd.Start(); err != nil {
		sh.t.Fatal(err)
	}
	slave.Close()
	c.read.Go(func() { _, _ = io.Copy(c, tty) }) // ends with an error when nobody has the other end
	sh.t.Cleanup(func() { tty.Close(); c.read.Wait() })
	return c
}

// pty opens a terminal of 100 columns and 40 lines.
func pty(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no terminals here: ", err)
	}
	conn, err := master.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var n int
	err = conn.Control(func(fd uintptr) {
		var errs [3]error
		n, errs[0] = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		errs[1] = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0)
		errs[2] = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: 100})
		if e := errors.Join(errs[:]...); e != nil {
			t.Error(e)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return master, slave
}

// shows waits until there is want on the screen.
func (c *console) shows(t *testing.T, want string) {
	t.Helper()
	await(t, func() bool { return strings.Contains(c.String(), want) },
		func() string { return fmt.Sprintf("no %q on the screen:\n%s\n%s", want, c, &c.errOut) })
}

// types types a line.
func (c *console) types(t *testing.T, line string) {
	t.Helper()
	if _, err := c.tty.WriteString(line + "\n"); err != nil {
		t.Fatal(err)
	}
}

// await looks again and again, until ok or for half a minute.
func await(t *testing.T, ok func() bool, else_ func() string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for !ok() {
		select {
		case <-ctx.Done():
			t.Fatal(else_())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// scan holds the phone before a screen and answers the code that is on it. The
// screen is a dark one.
func (sh *shell) scan(screen fmt.Stringer) {
	sh.t.Helper()
	var text string
	await(sh.t, func() bool {
		picture, ok := terminaltest.Picture(screen.String(), color.Gray{Y: 255}, color.Gray{})
		if !ok {
			return false
		}
		var err error
		text, err = qrimage.Decode(picture)
		return err == nil
	}, func() string { return "no code on the screen:\n" + screen.String() })
	sh.answer(text)
}

// answer has the phone answer a code that it has read.
func (sh *shell) answer(text string) {
	sh.t.Helper()
	qr, err := hybrid.ParseQR(text)
	if err != nil {
		sh.t.Fatal(err)
	}
	p, err := link.Answer(sh.t.Context(), qr, link.AnswerConfig{
		Advertiser: sh.world.Air, Tunnel: sh.world.Dialer(), Service: hybrid.DevelopmentService, Info: sh.holder.Info(),
	})
	if err != nil {
		sh.t.Fatalf("answering by phone: %v", err)
	}
	defer p.Close()
	err = p.Serve(sh.t.Context(), func(ctx context.Context, request []byte) []byte {
		return sh.holder.Handle(ctx, authenticator.Caller{Via: "hybrid"}, request)
	})
	if err != nil {
		sh.t.Errorf("serving by phone: %v", err)
	}
}

// byPhone signs in with a code and nobody to ask, and returns what was printed.
func (sh *shell) byPhone(args ...string) string {
	sh.t.Helper()
	cmd := sh.command(sh.signin(append(args, "--device", "phone")...)...)
	var out, errOut heard
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Start(); err != nil {
		sh.t.Fatal(err)
	}
	sh.scan(&errOut)
	if err := cmd.Wait(); err != nil {
		sh.t.Fatalf("cardea signin: %v\n%s", err, &errOut)
	}
	return out.String()
}

// verify has somebody else's library check an ID token of the world.
func (sh *shell) verify(token string) map[string]any {
	sh.t.Helper()
	client := visit(sh.t, sh.world, sh.holder).http
	ctx := oidc.ClientContext(sh.t.Context(), client)
	p, err := oidc.NewProvider(ctx, sh.world.LoginURL)
	if err != nil {
		sh.t.Fatal(err)
	}
	id, err := p.Verifier(&oidc.Config{ClientID: "cardea-cli"}).Verify(ctx, token)
	if err != nil {
		sh.t.Fatalf("the ID token: %v", err)
	}
	var claims map[string]any
	if err := id.Claims(&claims); err != nil {
		sh.t.Fatal(err)
	}
	return claims
}

// The whole of it, on a terminal: which device, the code, the phone, the tokens.
func TestSignInFromATerminal(t *testing.T) {
	t.Parallel()
	sh := openShell(t)
	c := sh.console(sh.signin("--json")...)
	for _, line := range []string{"Which device has your passkey for cardea.localhost?", "1  This device", "2  iPhone, iPad, or Android device", "Type a number"} {
		c.shows(t, line)
	}
	c.types(t, "7")
	c.shows(t, "That is none of them")
	c.types(t, "2")
	c.shows(t, "Scan this with your phone")
	sh.scan(c)
	if err := c.cmd.Wait(); err != nil {
		t.Fatalf("cardea signin: %v\n%s\n%s", err, c, &c.errOut)
	}
	for _, step := range []string{"Heard your phone", "Connecting through " + RelayDomain(), "Reached the relay", "Your phone is connected"} {
		c.shows(t, step)
	}
	var got signin.Tokens
	if err := json.Unmarshal([]byte(c.out.String()), &got); err != nil {
		t.Fatalf("%v in %s", err, &c.out)
	}
	if got.Username != "ana" || got.Name != "Ana Oduya" || got.RefreshToken != "" || got.AccessToken == "" {
		t.Errorf("printed %+v", got)
	}
	claims := sh.verify(got.IDToken)
	if claims["acr"] != "urn:cardea:acr:native" || claims["sub"] != got.Subject || claims["aud"] != "cardea-cli" {
		t.Errorf("claims = %v", claims)
	}
	kept, err := sh.tokens().Load(sh.world.LoginURL)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{got.AccessToken, got.IDToken, kept.RefreshToken} {
		if strings.Contains(c.String(), secret) || strings.Contains(c.errOut.String(), secret) {
			t.Error("a token was shown on the screen")
		}
		if strings.Contains(sh.log.String(), secret) {
			t.Error("a token is in the log")
		}
	}
	if !strings.Contains(sh.log.String(), "/oauth2/authorize-challenge") || strings.Contains(sh.log.String(), "auth_session=") {
		t.Error("the log does not tell of the challenge endpoint, or tells too much")
	}
}

func TestSignedInStaysSo(t *testing.T) {
	t.Parallel()
	sh := openShell(t)
	if out := sh.byPhone(); !strings.Contains(out, "Signed in as Ana Oduya (ana)") {
		t.Errorf("printed %q", out)
	}
	kept, err := sh.tokens().Load(sh.world.LoginURL)
	if err != nil {
		t.Fatal(err)
	}
	// Nobody is asked again.
	out, errOut, err := sh.run("", sh.signin("--print", "id")...)
	if err != nil || strings.TrimSpace(out) != kept.IDToken {
		t.Errorf("printed %q, %v\n%s; want the kept ID token", out, err, errOut)
	}
	// When the tokens are old, several programs at once get new ones, and the
	// family does not take one of them for a thief.
	old := kept
	old.IDExpires, old.AccessExpires = time.Now(), time.Now()
	if err := sh.tokens().Save(old); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if out, errOut, err := sh.run("", sh.signin("--print", "id")...); err != nil || strings.TrimSpace(out) == kept.IDToken {
				t.Errorf("refreshed: %q, %v\n%s", out, err, errOut)
			}
		})
	}
	all.Wait()
	fresh, err := sh.tokens().Load(sh.world.LoginURL)
	if err != nil || fresh.RefreshToken == kept.RefreshToken {
		t.Fatalf("kept = %v, %v; want new tokens", fresh, err)
	}
	if claims := sh.verify(fresh.IDToken); claims["sub"] != kept.Subject {
		t.Errorf("claims = %v", claims)
	}

	out, errOut, err = sh.run("", append([]string{"signout"}, sh.place...)...)
	if err != nil || !strings.Contains(out, "Signed out") {
		t.Errorf("signout: %q, %v\n%s", out, err, errOut)
	}
	if _, err := sh.tokens().Load(sh.world.LoginURL); !errors.Is(err, signin.ErrNotSignedIn) {
		t.Errorf("after signing out there is still something: %v", err)
	}
	// What a thief has copied is worth nothing either.
	if err := sh.tokens().Save(func() signin.Tokens { s := fresh; s.AccessExpires, s.IDExpires = time.Now(), time.Now(); return s }()); err != nil {
		t.Fatal(err)
	}
	sh.env = append(sh.env, `KUBERNETES_EXEC_INFO={"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{"interactive":false}}`)
	if _, errOut, err := sh.run("", sh.signin("kubectl")...); err == nil || !strings.Contains(errOut, "signed out") {
		t.Errorf("a copy after signing out: %v\n%s", err, errOut)
	}
}

func TestFailedLegIsNamedInTheTerminal(t *testing.T) {
	t.Parallel()
	sh := openShell(t)
	sh.world.Relay.Cut("/cable/connect/")
	c := sh.console(sh.signin("--device", "phone")...)
	c.shows(t, "Scan this with your phone")
	var phone sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	defer phone.Wait()
	defer cancel()
	picture, _ := terminaltest.Picture(c.String(), color.Gray{Y: 255}, color.Gray{})
	text, err := qrimage.Decode(picture)
	if err != nil {
		t.Fatal(err)
	}
	qr, err := hybrid.ParseQR(text)
	if err != nil {
		t.Fatal(err)
	}
	phone.Go(func() {
		p, err := link.Answer(ctx, qr, link.AnswerConfig{
			Advertiser: sh.world.Air, Tunnel: sh.world.Dialer(), Service: hybrid.DevelopmentService, Info: sh.holder.Info(),
		})
		if err == nil {
			p.Close()
		}
	})
	c.shows(t, "can't be reached from this network")
	c.shows(t, "Type a to try again, b for another way, or q to stop")
	c.types(t, "q")
	if err := c.cmd.Wait(); err == nil || !strings.Contains(c.errOut.String(), "not signed in") {
		t.Errorf("ended with %v\n%s", err, &c.errOut)
	}
	if _, err := sh.tokens().Load(sh.world.LoginURL); !errors.Is(err, signin.ErrNotSignedIn) {
		t.Errorf("something was kept: %v", err)
	}
}

func TestNobodyToAskIsSaidSo(t *testing.T) {
	t.Parallel()
	sh := openShell(t)
	_, errOut, err := sh.run("", sh.signin()...)
	if err == nil || !strings.Contains(errOut, "--device") {
		t.Errorf("%v\n%s; want it to say what to do", err, errOut)
	}
	_, errOut, err = sh.run("", sh.signin("kubectl")...)
	if err == nil || errOut == "" {
		t.Errorf("kubectl: %v\n%s", err, errOut)
	}
	sh.env = append(sh.env, `KUBERNETES_EXEC_INFO={"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{"interactive":false}}`)
	_, errOut, err = sh.run("", sh.signin("kubectl")...)
	if err == nil || !strings.Contains(errOut, "sign in with: cardea signin --issuer") {
		t.Errorf("kubectl without a terminal: %v\n%s", err, errOut)
	}
}

// The relay is named on the command line, which goes before the file: in there
// it is where nobody answers.
func TestCodeInAFile(t *testing.T) {
	t.Parallel()
	sh := openShell(t)
	sh.relayAt(sh.world.Computer.AgentSocket, "ws://127.0.0.1:1")
	path := filepath.Join(sh.home, "code.png")
	cmd := sh.command(sh.signin("--device", "phone", "--qr", "png", path, "--relay", RelayDomain()+"="+sh.world.Relay.URL)...)
	var errOut heard
	cmd.Stderr = &errOut
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var text string
	await(t, func() bool {
		f, err := os.Open(path)
		if err != nil {
			return false
		}
		defer f.Close()
		text, err = decodePNG(f)
		return err == nil
	}, errOut.String)
	sh.answer(text)
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, &errOut)
	}
}

// Git, as it is installed, asks for a password through both kinds of name.
func TestGitAsksForAPassword(t *testing.T) {
	t.Parallel()
	git, err := exec.LookPath("git")
	if err != nil {
		t.Skip(err)
	}
	sh := openShell(t)
	sh.byPhone()
	kept, err := sh.tokens().Load(sh.world.LoginURL)
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(sh.home, "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(sh.path, filepath.Join(bin, "git-credential-cardea")); err != nil {
		t.Fatal(err)
	}
	flags := strings.Join(append(sh.place, "--host", "git.example.org"), " ")
	ask := func(helper, verb, input string) string {
		cmd := exec.CommandContext(t.Context(), git, "-c", "credential.helper="+helper, "credential", verb)
		cmd.Dir, cmd.Stdin = sh.home, strings.NewReader(input)
		cmd.Env = append(sh.env, "PATH="+bin+":"+os.Getenv("PATH"), "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=/bin/false")
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		out, _ := cmd.Output() // git says no where no helper has a password
		return string(out)
	}
	for name, helper := range map[string]string{
		"by its name": "cardea " + flags,
		"by its path": "!" + sh.path + " signin git-credential " + flags,
	} {
		got := ask(helper, "fill", "protocol=https\nhost=git.example.org\n\n")
		if !strings.Contains(got, "username=ana\n") || !strings.Contains(got, "password="+kept.AccessToken+"\n") {
			t.Errorf("%s: git filled in %q", name, got)
		}
		for _, other := range []string{
			"protocol=https\nhost=evil.example\n\n", "protocol=http\nhost=git.example.org\n\n", "protocol=https\nhost=git.example.org:8443\n\n",
			"protocol=https\nhost=git.example.org.evil.example\n\n", "protocol=ssh\nhost=git.example.org\n\n",
		} {
			if got := ask(helper, "fill", other); strings.Contains(got, kept.AccessToken) {
				t.Errorf("%s: %q got the token", name, other)
			}
		}
	}
	// A host that refuses the password makes git say so, and the next one is new.
	helper := "cardea " + flags
	ask(helper, "approve", "protocol=https\nhost=git.example.org\nusername=ana\npassword="+kept.AccessToken+"\n\n")
	ask(helper, "reject", "protocol=https\nhost=git.example.org\nusername=ana\npassword=something-else\n\n")
	if got := ask(helper, "fill", "protocol=https\nhost=git.example.org\n\n"); !strings.Contains(got, "password="+kept.AccessToken+"\n") {
		t.Errorf("the password of another helper was refused, and ours went: %q", got)
	}
	ask(helper, "reject", "protocol=https\nhost=git.example.org\nusername=ana\npassword="+kept.AccessToken+"\n\n")
	if got := ask(helper, "fill", "protocol=https\nhost=git.example.org\n\n"); strings.Contains(got, kept.AccessToken) || !strings.Contains(got, "password=") {
		t.Errorf("after a refusal git filled in %q", got)
	}
}

// Kubectl, as it is installed, goes to a cluster with the token.
func TestKubectlShowsTheIDToken(t *testing.T) {
	t.Parallel()
	sh := openShell(t)
	sh.byPhone()
	sh.env = append(sh.env, `KUBERNETES_EXEC_INFO={"apiVersion":"client.authentication.k8s.io/v1beta1","kind":"ExecCredential","spec":{"interactive":false}}`)
	out, errOut, err := sh.run("", sh.signin("kubectl")...)
	if err != nil {
		t.Fatalf("%v\n%s", err, errOut)
	}
	var cred signin.ExecCredential
	if err := json.Unmarshal([]byte(out), &cred); err != nil || cred.APIVersion != "client.authentication.k8s.io/v1beta1" || cred.Kind != "ExecCredential" || cred.Status == nil {
		t.Fatalf("credential = %s, %v", out, err)
	}
	sh.verify(cred.Status.Token)
	if until, err := time.Parse(time.RFC3339, cred.Status.Expiration); err != nil || time.Until(until) < 5*time.Minute || time.Until(until) > 10*time.Minute {
		t.Errorf("expires at %s, %v", cred.Status.Expiration, err)
	}

	kubectl, err := exec.LookPath("kubectl")
	if err != nil {
		t.Skip(err)
	}
	seen := make(chan string, 8)
	cluster := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Header.Get("Authorization")
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"gitVersion":"v1.30.0"}`)
	}))
	defer cluster.Close()
	config := filepath.Join(sh.home, "kubeconfig")
	args, err := json.Marshal(sh.signin("kubectl"))
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","current-context":"c",
		"clusters":[{"name":"c","cluster":{"server":%q,"insecure-skip-tls-verify":true}}],
		"contexts":[{"name":"c","context":{"cluster":"c","user":"u"}}],
		"users":[{"name":"u","user":{"exec":{"apiVersion":"client.authentication.k8s.io/v1","command":%q,"args":%s,"interactiveMode":"IfAvailable"}}}]}`,
		cluster.URL, sh.path, args)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), kubectl, "--kubeconfig", config, "get", "--raw", "/version")
	cmd.Env = sh.env
	if b, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(b, []byte("v1.30.0")) {
		t.Fatalf("kubectl: %v\n%s", err, b)
	}
	if got := <-seen; got != "Bearer "+cred.Status.Token {
		t.Errorf("the cluster saw %.40q", got)
	}
}

// The way through a browser: a page of the provider, and back to a port here.
func TestSignInFromATerminalThroughABrowser(t *testing.T) {
	t.Parallel()
	sh := openShell(t)
	link := filepath.Join(sh.home, "link")
	browser := filepath.Join(sh.home, "browser")
	script := "#!/bin/sh\nprintf %s \"$1\" >" + link + ".new && mv " + link + ".new " + link + "\n"
	if err := os.WriteFile(browser, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	sh.env = append(sh.env, "BROWSER="+browser)
	cmd := sh.command(sh.signin("--device", "browser", "--json")...)
	var out, errOut heard
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var target []byte
	await(t, func() bool {
		var err error
		target, err = os.ReadFile(link)
		return err == nil
	}, errOut.String)
	await(t, func() bool { return strings.Contains(errOut.String(), string(target)) },
		func() string { return "the link is not told:\n" + errOut.String() })
	// Another page sends the browser to the terminal's port: it is turned away,
	// and the terminal waits on.
	u, err := url.Parse(string(target))
	if err != nil {
		t.Fatal(err)
	}
	landing := u.Query().Get("redirect_uri")
	if resp, err := http.Get(landing + "?code=stolen&state=guess&iss=" + url.QueryEscape(sh.world.LoginURL)); err != nil || resp.StatusCode != http.StatusBadRequest {
		t.Errorf("an answer without the state: %v, %v", resp, err)
	}
	v := visit(t, sh.world, sh.holder)
	v.http.Transport = landOn(v.http.Transport, landing)
	text, at, err := v.page(string(target)) // the sign-in page
	if err != nil || !strings.HasPrefix(at, sh.world.LoginURL+"/signin") || !strings.Contains(text, "to continue to Cardea in a terminal") {
		t.Fatalf("the browser is at %s and reads %.200q, %v", at, text, err)
	}
	if err := v.signIn(t.Context()); err != nil {
		t.Fatal(err)
	}
	page, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	text, at, err = v.page(sh.world.LoginURL + page.Query().Get("continue"))
	if err != nil || !strings.HasPrefix(at, landing) || !strings.Contains(text, "go back to the terminal") {
		t.Fatalf("the browser is at %s and reads %q, %v", at, text, err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, &errOut)
	}
	var got signin.Tokens
	if err := json.Unmarshal([]byte(out.String()), &got); err != nil {
		t.Fatal(err)
	}
	if claims := sh.verify(got.IDToken); claims["acr"] != "phr" {
		t.Errorf("claims = %v, want phr: a browser saw to the origin", claims)
	}
}

// landOn is a browser's way to the terminal's port, which the world's dialer
// would come to from another address.
func landOn(next http.RoundTripper, landing string) http.RoundTripper {
	direct := &http.Transport{DialContext: new(net.Dialer).DialContext, DisableKeepAlives: true}
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if strings.HasPrefix(r.URL.String(), landing) {
			return direct.RoundTrip(r)
		}
		return next.RoundTrip(r)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func decodePNG(r io.Reader) (string, error) {
	img, err := png.Decode(r)
	if err != nil {
		return "", err
	}
	return qrimage.Decode(img)
}

// Who stops a sign-in gets no token, and whoever called the command must see
// that it failed.
func TestStoppedSignInFails(t *testing.T) {
	t.Parallel()
	sh := openShell(t)
	c := sh.console(sh.signin("--device", "phone", "--print", "access")...)
	c.shows(t, "Scan this with your phone")
	if err := c.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	var failed *exec.ExitError
	if err := c.cmd.Wait(); !errors.As(err, &failed) || failed.ExitCode() != 1 || c.out.String() != "" {
		t.Errorf("ended with %v, printed %q\n%s", err, &c.out, &c.errOut)
	}
}

// A helper whose person has to sign in asks on the terminal, whatever has become
// of the standard streams, and answers its caller alone.
func TestHelpersAskOnTheTerminal(t *testing.T) {
	t.Parallel()
	sh := openShell(t)
	sh.env = append(sh.env, `KUBERNETES_EXEC_INFO={"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{"interactive":true}}`)
	c := sh.console(sh.signin("kubectl")...)
	c.shows(t, "Which device has your passkey")
	c.types(t, "2")
	c.shows(t, "Scan this with your phone")
	sh.scan(c)
	if err := c.cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, c, &c.errOut)
	}
	var cred signin.ExecCredential
	if err := json.Unmarshal([]byte(c.out.String()), &cred); err != nil || cred.Status == nil {
		t.Fatalf("standard output is not one credential: %v\n%s", err, &c.out)
	}
	sh.verify(cred.Status.Token)

	git, err := exec.LookPath("git")
	if err != nil {
		t.Skip(err)
	}
	if err := sh.tokens().Forget(sh.world.LoginURL); err != nil {
		t.Fatal(err)
	}
	helper := "!" + sh.path + " " + strings.Join(sh.signin("git-credential", "--host", "git.example.org", "--device", "phone"), " ")
	sh.path = git
	c = sh.console("-c", "credential.helper="+helper, "credential", "fill")
	c.types(t, "protocol=https\nhost=git.example.org\n")
	c.shows(t, "Scan this with your phone")
	sh.scan(c)
	if err := c.cmd.Wait(); err != nil || !strings.Contains(c.out.String(), "username=ana\npassword=") {
		t.Errorf("git filled in %q, %v\n%s", &c.out, err, c)
	}
}

func TestWaitEnds(t *testing.T) {
	t.Parallel()
	sh := openShell(t)
	_, errOut, err := sh.run("", sh.signin("--device", "phone", "--wait", "1s")...)
	if err == nil || !strings.Contains(errOut, "it took too long") {
		t.Errorf("%v\n%s", err, errOut)
	}
}
