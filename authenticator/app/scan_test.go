package app

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"errors"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cardea/ctap"
	"cardea/hybrid"
	"cardea/hybrid/link"
	"cardea/hybrid/noise"
	"cardea/hybrid/qrimage"
	"cardea/hybrid/radio/air"
	"cardea/hybrid/tunnel"
	"cardea/internal/cbor"
	"cardea/internal/httpd"
	"cardea/relay"
	"cardea/webauthn"
)

// A room is what stands around a phone: the air and a relay.
type room struct {
	air    *air.Air
	dialer *tunnel.Dialer
}

func newRoom(t *testing.T) room {
	t.Helper()
	r := relay.New(relay.Config{Log: slog.New(slog.DiscardHandler)})
	srv := httptest.NewServer(r)
	t.Cleanup(func() { r.Close(); srv.Close() })
	base := "ws" + strings.TrimPrefix(srv.URL, "http")
	return room{air.New(), &tunnel.Dialer{Base: func(string) string { return base }}}
}

func (r room) phone(c *Config) {
	c.Advertiser, c.Tunnel, c.Service = r.air, r.dialer, hybrid.DevelopmentService
}

func (r room) dial(ctx context.Context, inv *hybrid.Invitation) (*link.Client, error) {
	return link.Dial(ctx, inv, link.DialConfig{Scanner: r.air, Tunnel: r.dialer})
}

func invite(t *testing.T, h hybrid.Hint) *hybrid.Invitation {
	t.Helper()
	inv, err := hybrid.NewInvitation(h)
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

// pictureOf draws text as the phone's camera might see it.
func pictureOf(t *testing.T, text string, scale int) image.Image {
	t.Helper()
	symbol, err := qrimage.Encode(text)
	if err != nil {
		t.Fatal(err)
	}
	return symbol.Image(scale)
}

// scan shows text to the phone as a camera does: in one picture after the
// other, from a little nearer or farther, as not every one can be read.
func (s *site) scan(text string) (status int, a scanAnswer) {
	s.t.Helper()
	for _, scale := range []int{5, 6, 7, 4, 8} {
		status, a = s.look(pngOf(s.t, pictureOf(s.t, text, scale)))
		if a != (scanAnswer{}) {
			return status, a
		}
	}
	return status, a
}

func pngOf(t *testing.T, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// look shows a picture to the phone.
func (s *site) look(picture []byte) (int, scanAnswer) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+"/scan/frame", bytes.NewReader(picture))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	var a scanAnswer
	if err := json.NewDecoder(resp.Body).Decode(&a); err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, a
}

func TestFoundCodeOffersWhatItIsFor(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		style Style
		hint  hybrid.Hint
		want  string
	}{
		{IOS, hybrid.HintGetAssertion, "Sign in with passkey"},
		{IOS, hybrid.HintMakeCredential, "Save a passkey"},
		{Android, hybrid.HintGetAssertion, "Use passkey"},
		{Android, hybrid.HintMakeCredential, "Create passkey"},
	} {
		s := start(t, func(c *Config) { c.Style = tt.style })
		inv := invite(t, tt.hint)
		status, got := s.scan(inv.Text())
		if status != http.StatusOK || got.Label != tt.want || got.Code == "" || got.Problem != "" {
			t.Errorf("%s, %s: %d %+v, want label %q", tt.style, tt.hint, status, got, tt.want)
		}
		if strings.Contains(inv.Text(), got.Code) {
			t.Error("the name of the code is part of its text")
		}
		if strings.Contains(s.log.String(), inv.Text()[6:]) {
			t.Error("the log has the text of the code")
		}
	}
}

func TestCodesThatAreOfNoUse(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	onlyRadio := invite(t, hybrid.HintGetAssertion).QR
	onlyRadio.Channels = []hybrid.Channel{hybrid.ChannelBLE}
	for name, tt := range map[string]struct{ text, want string }{
		"a web address":        {"https://example.com/", "not a passkey code"},
		"a broken code":        {"FIDO:/123", "can't use that code"},
		"a digital credential": {invite(t, hybrid.HintPresentation).Text(), "keeps passkeys only"},
		"no tunnel offered":    {onlyRadio.Text(), "can't use that code"},
	} {
		if status, got := s.scan(tt.text); status != http.StatusOK || got.Code != "" || !strings.Contains(got.Problem, tt.want) {
			t.Errorf("%s: %d %+v, want problem %q", name, status, got, tt.want)
		}
	}
	if status, got := s.look(pngOf(t, image.NewGray(image.Rect(0, 0, 200, 200)))); status != http.StatusOK || got != (scanAnswer{}) {
		t.Errorf("an empty picture: %d %+v, want nothing", status, got)
	}
}

func TestPicturesThatAreNone(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	huge := pngOf(t, image.NewGray(image.Rect(0, 0, 8, 8)))
	copy(huge[16:24], []byte{0, 1, 0, 0, 0, 1, 0, 0}) // claims 65536 by 65536
	for name, tt := range map[string]struct {
		picture []byte
		want    int
	}{
		"text":       {[]byte("not a picture"), http.StatusUnsupportedMediaType},
		"nothing":    {nil, http.StatusUnsupportedMediaType},
		"cut short":  {pngOf(t, image.NewGray(image.Rect(0, 0, 90, 90)))[:60], http.StatusUnsupportedMediaType},
		"too heavy":  {make([]byte, maxPicture+1), http.StatusRequestEntityTooLarge},
		"wrong size": {huge, http.StatusUnsupportedMediaType}, // its checksum no longer fits
	} {
		if status, got := s.look(tt.picture); status != tt.want || got.Problem == "" {
			t.Errorf("%s: %d %+v, want %d and a problem", name, status, got, tt.want)
		}
	}
}

func TestPicturesAreReadAFewAtATime(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	for range pictures {
		s.decoding <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.decode(ctx, []byte("not a picture")); !errors.Is(err, context.Canceled) {
		t.Errorf("decode = %v, want it not to have looked", err)
	}
	for range pictures {
		<-s.decoding
	}
	large := pngOf(t, image.NewGray(image.Rect(0, 0, maxPixels/4096+1, 4096)))
	if status, got := s.look(large); status != http.StatusRequestEntityTooLarge || !strings.Contains(got.Problem, "too large") {
		t.Errorf("a picture of one column too many: %d %+v", status, got)
	}
}

func FuzzReadPicture(f *testing.F) {
	gray := image.NewGray(image.Rect(0, 0, 9, 7))
	var asPNG, asJPEG, asGIF bytes.Buffer
	for _, err := range []error{png.Encode(&asPNG, gray), jpeg.Encode(&asJPEG, gray, nil), gif.Encode(&asGIF, gray, nil)} {
		if err != nil {
			f.Fatal(err)
		}
	}
	for _, b := range [][]byte{asPNG.Bytes(), asJPEG.Bytes(), asGIF.Bytes(), asPNG.Bytes()[:40], nil} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, picture []byte) {
		img, err := readPicture(picture)
		if err != nil {
			if e := (*httpd.Error)(nil); !errors.As(err, &e) || e.Status >= 500 {
				t.Errorf("%v is not the picture's fault", err)
			}
			return
		}
		if size := img.Bounds(); size.Empty() || size.Dx() > maxPixels/size.Dy() {
			t.Errorf("read a picture of %v", size)
		}
	})
}

func TestCodeIsTakenOnceAndInTime(t *testing.T) {
	t.Parallel()
	var c codes
	now := time.Unix(1_790_000_000, 0)
	qr := invite(t, hybrid.HintGetAssertion).QR
	id := c.put(qr, now)
	if _, ok := c.take("another", now); ok {
		t.Error("a name that was never given is known")
	}
	if _, ok := c.take(id, now); !ok {
		t.Error("the code is not there")
	}
	if _, ok := c.take(id, now); ok {
		t.Error("the code works twice")
	}
	if _, ok := c.take(c.put(qr, now), now.Add(codeLife)); ok {
		t.Error("the code works after its time")
	}
	first := c.put(qr, now)
	for range codesKept {
		c.put(invite(t, hybrid.HintGetAssertion).QR, now)
	}
	if _, ok := c.take(first, now); ok {
		t.Error("more codes are kept than should be")
	}
}

func TestUnknownCodeIsNotStarted(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	status, _, body := s.post("/scan/start", "code", "nothing")
	if status != http.StatusConflict {
		t.Errorf("starting = %d, want 409", status)
	}
	says(t, body, "That code has ended. Scan it again.")
}

var clientDataHash = bytes.Repeat([]byte{7}, 32)

func makeRequest(account string) ctap.MakeCredentialRequest {
	return ctap.MakeCredentialRequest{
		ClientDataHash: clientDataHash, RP: ctap.RPEntity{ID: "login.example", Name: "Example"},
		User:             ctap.UserEntity{ID: []byte(account), Name: account},
		PubKeyCredParams: []ctap.CredentialParameters{{Alg: webauthn.ES256, Type: webauthn.PublicKeyType}},
		Options:          map[string]bool{"rk": true, "uv": true},
	}
}

// press waits for the question and goes through it with the given buttons.
func (s *site) press(buttons ...string) {
	s.t.Helper()
	_, changed := s.news.latest()
	for {
		if q, _ := s.desk.see(); q != nil {
			for _, b := range buttons {
				s.post("/prompt", "id", q.id, "do", b, "secret", testPIN)
			}
			return
		}
		<-changed
		_, changed = s.news.latest()
	}
}

// pressing does what press does on the side, and closes the channel after.
func (s *site) pressing(buttons ...string) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.press(buttons...)
	}()
	return done
}

// settled waits until the transaction on the screen has ended.
func (s *site) settled() transactionView {
	s.t.Helper()
	for {
		_, changed := s.news.latest()
		if t := s.transaction(); t != nil && !t.Running {
			return *t
		}
		<-changed
	}
}

// tap shows the code of inv to the phone's camera and accepts the offer.
func (s *site) tap(inv *hybrid.Invitation) {
	s.t.Helper()
	status, found := s.scan(inv.Text())
	if status != http.StatusOK || found.Code == "" {
		s.t.Fatalf("looking at the code: %d %+v", status, found)
	}
	if _, location, _ := s.post("/scan/start", "code", found.Code); location != "/scan/progress" {
		s.t.Fatalf("starting leads to %q", location)
	}
}

func TestScannedCodeIsAnswered(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	s := start(t, r.phone)

	inv := invite(t, hybrid.HintMakeCredential)
	s.tap(inv)
	client, err := r.dial(t.Context(), inv)
	if err != nil {
		t.Fatal(err)
	}
	pressed := s.pressing("continue", "sensor-face")
	made, err := ctap.MakeCredential(t.Context(), client, makeRequest("ana@example"))
	if err != nil {
		t.Fatal(err)
	}
	<-pressed
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	if got := s.settled(); got.Result != resultSent {
		t.Fatalf("transaction = %+v, want sent", got)
	}
	says(t, s.page("/scan/progress"), "Sent", "The passkey is saved here", "Carry on at the other device")
	if _, location, _ := s.post("/scan/done"); location != "/" {
		t.Errorf("Done leads to %q", location)
	}
	says(t, s.page("/"), "ana@example")

	s.post("/lock")
	inv = invite(t, hybrid.HintGetAssertion)
	s.tap(inv)
	if client, err = r.dial(t.Context(), inv); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.press("secret")   // unlock
		s.press("continue") // verified by it
	}()
	got, err := ctap.GetAssertion(t.Context(), client, ctap.GetAssertionRequest{
		RPID: "login.example", ClientDataHash: clientDataHash, Options: map[string]bool{"uv": true}})
	if err != nil {
		t.Fatal(err)
	}
	<-done
	data, err := webauthn.ParseAuthenticatorData(made.AuthData)
	if err != nil {
		t.Fatal(err)
	}
	if got.Credential == nil || !bytes.Equal(got.Credential.ID, data.Attested.ID) {
		t.Errorf("assertion is of %v, want the passkey that was made", got.Credential)
	}
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	if got := s.settled(); got.Result != resultSent {
		t.Errorf("transaction = %+v, want sent", got)
	}
}

// told waits until the page of the transaction says how it ended.
func (s *site) told() transactionView {
	s.t.Helper()
	for {
		_, changed := s.news.latest()
		if t := s.transaction(); t != nil && t.Result != resultNone {
			return *t
		}
		<-changed
	}
}

// The other device stays connected for as long as it likes. The person need not
// wait for it, and cannot call back what was sent.
func TestGivingUpAfterTheAnswerWasSent(t *testing.T) {
	t.Parallel()
	for name, giveUp := range map[string]func(*testing.T, *site){
		"by Cancel on a page that is late": func(t *testing.T, s *site) {
			s.post("/scan/cancel")
			if got := s.settled(); got.Result != resultSent {
				t.Errorf("transaction = %+v, want sent", got)
			}
			says(t, s.page("/scan/progress"), "Sent", "The passkey is saved here")
		},
		"by Done": func(t *testing.T, s *site) {
			if _, location, _ := s.post("/scan/done"); location != "/" {
				t.Errorf("Done leads to %q", location)
			}
			if got := s.transaction(); got != nil {
				t.Errorf("%+v is on the screen still", got)
			}
			s.tap(invite(t, hybrid.HintGetAssertion)) // free for the next
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRoom(t)
			s := start(t, r.phone)
			inv := invite(t, hybrid.HintMakeCredential)
			s.tap(inv)
			client, err := r.dial(t.Context(), inv)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			pressed := s.pressing("continue", "sensor-face")
			if _, err := ctap.MakeCredential(t.Context(), client, makeRequest("ana@example")); err != nil {
				t.Fatal(err)
			}
			<-pressed
			if got := s.told(); got.Result != resultSent || !got.Running {
				t.Errorf("transaction = %+v, want sent and still running", got)
			}
			says(t, s.page("/scan/progress"), "Sent", "The passkey is saved here", "Done")
			giveUp(t, s)
		})
	}
}

func TestWhatEndsWithoutAGoodEndIsToldTruly(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	made, asserted := []byte{byte(ctap.CmdMakeCredential)}, []byte{byte(ctap.CmdGetAssertion)}
	ok, none, bad := []byte{byte(ctap.OK)}, []byte{byte(ctap.NoCredentials)}, []byte{byte(ctap.InvalidOption)}
	gone := &link.Error{Leg: link.LegPeer, Err: errors.New("gone")}
	for _, tt := range []struct {
		name string
		hint hybrid.Hint
		do   func(*transaction)
		end  error
		want result
		says string
	}{
		{"cancelled before anything", "ga", func(*transaction) {}, context.Canceled, resultCancelled, "Nothing was sent."},
		{"cancelled as the passkey was saved", "mc", func(tx *transaction) { tx.handled(made, ok) }, context.Canceled,
			resultCancelled, "may not have the answer. A passkey was saved here; you can delete it."},
		{"cancelled as the person said yes", "ga", func(tx *transaction) { tx.handled(asserted, ok) }, context.Canceled,
			resultCancelled, "may not have the answer."},
		{"cancelled after a silent question", "mc", func(tx *transaction) {
			tx.handled(asserted, none)
			tx.reach(link.StageSent)
			if got := tx.told(); got != resultNone {
				t.Errorf("%q after a silent question, want nothing yet", got)
			}
			tx.begun(made)
		}, context.Canceled, resultCancelled, "may not have the answer."},
		{"cancelled after a silent question that found one", "mc", func(tx *transaction) {
			tx.handled(asserted, ok)
			tx.reach(link.StageSent)
			if got := tx.told(); got != resultNone {
				t.Errorf("%q after a silent question, want nothing yet", got)
			}
			tx.begun(made)
		}, context.Canceled, resultCancelled, "may not have the answer."},
		{"gone as the passkey was saved", "mc", func(tx *transaction) { tx.handled(made, ok) }, gone,
			resultFailed, "A passkey was saved here; you can delete it."},
		{"refused and told so", "ga", func(tx *transaction) { tx.handled(asserted, bad); tx.reach(link.StageSent) }, nil,
			resultRefused, "It was told so."},
	} {
		tx := &transaction{hint: tt.hint, stop: make(chan struct{})}
		tt.do(tx)
		tx.end(tt.end)
		if tx.result != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, tx.result, tt.want)
		}
		s.mu.Lock()
		s.tx = tx
		s.mu.Unlock()
		page := s.page("/scan/progress")
		says(t, page, tt.says)
		if tx.asked && strings.Contains(page, "Nothing was sent") {
			t.Errorf("%s: the page says that nothing was sent", tt.name)
		}
	}
}

func TestOutcomesAreToldApart(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		buttons []string
		have    bool
		want    result
		says    string
	}{
		{"declined", []string{"cancel"}, true, resultDeclined, "Not sent"},
		{"declined at the sensor", []string{"continue", "cancel"}, true, resultDeclined, "Not sent"},
		{"no passkey", []string{"continue"}, false, resultNoPasskey, "No passkey here"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRoom(t)
			s := start(t, r.phone)
			if tt.have {
				s.save(passkey(1, "ana@example"))
			}
			inv := invite(t, hybrid.HintGetAssertion)
			s.tap(inv)
			client, err := r.dial(t.Context(), inv)
			if err != nil {
				t.Fatal(err)
			}
			pressed := s.pressing(tt.buttons...)
			if _, err := ctap.GetAssertion(t.Context(), client, ctap.GetAssertionRequest{
				RPID: "login.example", ClientDataHash: clientDataHash, Options: map[string]bool{"uv": true}}); err == nil {
				t.Error("the other device got an assertion")
			}
			<-pressed
			client.Close()
			if got := s.settled(); got.Result != tt.want {
				t.Errorf("transaction = %+v, want %s", got, tt.want)
			}
			says(t, s.page("/scan/progress"), tt.says)
		})
	}
}

func TestFailuresNameTheLeg(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	off := newRoom(t)
	off.air.SetPower(false)
	nowhere := &tunnel.Dialer{Base: func(string) string { return "ws://127.0.0.1:1" }}
	untrusted := httptest.NewUnstartedServer(nil)
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	for _, tt := range []struct {
		name   string
		change func(*Config)
		want   link.Leg
		says   []string
	}{
		{"no radio", func(c *Config) { r.phone(c); c.Advertiser = nil }, link.LegRadio, []string{"Bluetooth is off on this iPhone", "turn it on"}},
		{"radio off", off.phone, link.LegRadio, []string{"Bluetooth is off on this iPhone"}},
		{"no relay", func(c *Config) { r.phone(c); c.Tunnel = nowhere }, link.LegRelay, []string{"This iPhone couldn&#39;t reach the relay", "another network"}},
		{"no name", r.reaching("wss://relay.invalid"), link.LegRelay, []string{"doesn&#39;t know the relay&#39;s name"}},
		{"encryption opened on the way", r.reaching(strings.Replace(untrusted.URL, "https", "wss", 1)), link.LegRelay,
			[]string{"Something stands between this iPhone and the relay", "Nothing was sent"}},
		{"a page in the relay's place", r.reaching(answering(t, http.StatusOK)), link.LegRelay, []string{"This network wants something first"}},
		{"a full relay", r.reaching(answering(t, http.StatusServiceUnavailable)), link.LegRelay, []string{"The relay can&#39;t help just now"}},
		{"a relay that the other device doesn't know", func(c *Config) { r.phone(c); c.Service = 200 }, link.LegRelay,
			[]string{"The other device doesn&#39;t know this iPhone&#39;s relay", "too old"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, tt.change)
			inv := invite(t, hybrid.HintGetAssertion)
			err := s.Scan(t.Context(), inv.Text())
			var broken *link.Error
			if !errors.As(err, &broken) || broken.Leg != tt.want {
				t.Errorf("Scan = %v, want leg %s", err, tt.want)
			}
			says(t, s.page("/scan/progress"), append(tt.says, "Scan again", "role=\"alert\"")...)
			if strings.Contains(s.log.String(), inv.Text()[6:]) {
				t.Error("the log has the text of the code")
			}
		})
	}
}

// reaching is a phone whose relay is at base.
func (r room) reaching(base string) func(*Config) {
	return func(c *Config) {
		r.phone(c)
		c.Tunnel = &tunnel.Dialer{Base: func(string) string { return base }}
	}
}

// answering serves one status, and returns where.
func answering(t *testing.T, status int) (base string) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	t.Cleanup(s.Close)
	return strings.Replace(s.URL, "http", "ws", 1)
}

// What is left of the legs and troubles. Packages link and tunnel break them.
func TestPhoneHasWordsForEachLeg(t *testing.T) {
	t.Parallel()
	s := start(t, newRoom(t).phone)
	clock := x509.CertificateInvalidError{Cert: new(x509.Certificate), Reason: x509.Expired}
	for _, tt := range []struct {
		stage link.Stage
		leg   link.Leg
		err   error
		says  string
	}{
		{"", link.LegRelay, clock, "Check the date and time on this iPhone"},
		{link.StageWaiting, link.LegRelay, tunnel.ErrLost, "The connection broke"},
		{link.StageWaiting, link.LegAdvert, context.DeadlineExceeded, "The other device didn't hear this iPhone"},
		{link.StageReady, link.LegTimeout, context.DeadlineExceeded, "The other device went quiet"},
	} {
		tx := &transaction{stage: tt.stage}
		tx.end(&link.Error{Leg: tt.leg, Err: tt.err})
		p := s.progress(transactionView{Result: tx.result, Leg: tx.leg, Stage: tx.stage, Trouble: tx.trouble})
		if p.Title != tt.says {
			t.Errorf("after %v: %q, want %q", tt.err, p.Title, tt.says)
		}
	}
}

// Somebody has seen the code and has not made it: the phone answers nobody else.
func TestOtherDeviceThatDidNotMakeTheCodeIsTold(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	s := start(t, r.phone)
	inv := invite(t, hybrid.HintGetAssertion)
	s.tap(inv)
	key := hybrid.EIDKeyFor(inv.Secret, nil)
	var heard hybrid.EID
	err := r.air.Scan(t.Context(), func(data []byte) (ok bool) {
		heard, _, ok = key.Open(data)
		return ok
	})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := r.dialer.Connect(t.Context(), heard.Service(), heard.RoutingID(), hybrid.TunnelIDFor(inv.Secret))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Abort()
	other, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	message1, err := noise.NewKN(other, hybrid.PSKFor(inv.Secret, heard)).Start()
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Write(t.Context(), message1); err != nil {
		t.Fatal(err)
	}
	if got := s.settled(); got.Result != resultFailed || got.Leg != link.LegHandshake {
		t.Errorf("transaction = %+v, want failed at the handshake", got)
	}
	says(t, s.page("/scan/progress"), "That code doesn&#39;t fit any more", "scan the new code")
}

func TestOtherDeviceGoingAwayIsTold(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	s := start(t, r.phone)
	s.save(passkey(1, "ana@example"))
	inv := invite(t, hybrid.HintGetAssertion)
	s.tap(inv)
	client, err := r.dial(t.Context(), inv)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		s.press() // wait for the question
		cancel()
	}()
	_, err = ctap.GetAssertion(ctx, client, ctap.GetAssertionRequest{
		RPID: "login.example", ClientDataHash: clientDataHash, Options: map[string]bool{"uv": true}})
	if err == nil {
		t.Error("the cancelled request was answered")
	}
	client.Close()
	if got := s.settled(); got.Result != resultFailed || got.Leg != link.LegPeer {
		t.Errorf("transaction = %+v, want failed at the other device", got)
	}
	says(t, s.page("/scan/progress"), "The other device closed the connection")
	if q, _ := s.desk.see(); q != nil {
		t.Errorf("the question is still on the screen: %+v", q)
	}
}

func TestPersonCanCancelWhileConnecting(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	s := start(t, r.phone)
	s.tap(invite(t, hybrid.HintGetAssertion)) // nobody dials
	says(t, s.page("/scan/progress"), "Connecting to the other device", "Cancel")
	if resp, _ := s.do(http.MethodGet, "/scan", nil, nil); resp.Header.Get("Location") != "/scan/progress" {
		t.Error("the camera opens while a code is being answered")
	}
	if err := s.Scan(t.Context(), invite(t, hybrid.HintGetAssertion).Text()); err != ErrBusy {
		t.Errorf("a second Scan = %v, want %v", err, ErrBusy)
	}
	s.post("/scan/cancel")
	if got := s.settled(); got.Result != resultCancelled {
		t.Errorf("transaction = %+v, want cancelled", got)
	}
	says(t, s.page("/scan/progress"), "Cancelled", "Nothing was sent")
	if _, location, _ := s.post("/scan/done", "then", "scan"); location != "/scan" {
		t.Errorf("Scan again leads to %q", location)
	}
}

func TestClosingEndsATransaction(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	s := start(t, r.phone)
	s.tap(invite(t, hybrid.HintGetAssertion))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := s.transaction(); got == nil || got.Running {
		t.Errorf("transaction = %+v, want an ended one", got)
	}
	if err := s.Scan(t.Context(), invite(t, hybrid.HintGetAssertion).Text()); !errors.Is(err, context.Canceled) {
		t.Errorf("Scan after Close = %v, want canceled", err)
	}
}

// Only requests for a passkey say how a transaction ended.
func TestGetInfoIsNoOutcome(t *testing.T) {
	t.Parallel()
	var tx transaction
	tx.handled([]byte{byte(ctap.CmdGetInfo)}, []byte{0})
	tx.end(nil)
	if tx.result != resultRefused {
		t.Errorf("result = %q, want %q", tx.result, resultRefused)
	}
	for status, want := range map[ctap.Status]result{
		ctap.OK: resultSent, ctap.CredentialExcluded: resultExcluded, ctap.UserActionTimeout: resultDeclined, ctap.InvalidOption: resultRefused,
	} {
		var tx transaction
		tx.handled(append([]byte{byte(ctap.CmdMakeCredential)}, cbor.MustEncode(map[int]int{})...), []byte{byte(status)})
		tx.end(nil)
		if tx.result != want {
			t.Errorf("after %v: %q, want %q", status, tx.result, want)
		}
	}
}
