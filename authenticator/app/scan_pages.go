package app

import (
	"bytes"
	"context"
	"errors"
	"image"
	_ "image/gif" // pictures that people drop in
	_ "image/jpeg"
	_ "image/png"
	"io"
	"net/http"

	"cardea/hybrid"
	"cardea/hybrid/link"
	"cardea/hybrid/qrimage"
	"cardea/hybrid/tunnel"
	"cardea/internal/httpd"
)

type scanPage struct {
	Frame   frame
	Problem string
	Found   *scanAnswer // where no script shows it
}

// noCameraPage is shown instead where there is no camera.
type noCameraPage struct{ Frame frame }

// A scanAnswer tells the camera page what is in a picture. Code is a random
// name for what was read, never the text itself.
type scanAnswer struct {
	Code    string `json:"code,omitempty"`
	Label   string `json:"label,omitempty"`   // what it offers to do
	Linking bool   `json:"linking,omitempty"` // the computer asks to be remembered, and this phone can
	Problem string `json:"problem,omitempty"` // why it is of no use
}

func (a *App) scanPage(w http.ResponseWriter, r *http.Request) error {
	if t := a.transaction(); t != nil && t.Running {
		return see(w, r, "/scan/progress")
	}
	return a.renderScan(w, http.StatusOK, "")
}

func (a *App) renderScan(w http.ResponseWriter, status int, problem string) error {
	p := scanPage{Frame: a.frame("Scan", ""), Problem: problem}
	p.Frame.Camera = true
	return a.render(w, status, "scan", p)
}

// maxPixels bounds what is decoded, at up to 8 bytes each: more than most screens
// and any camera frame.
const maxPixels = 16 << 20

// scanFrame looks for a code in one picture.
func (a *App) scanFrame(w http.ResponseWriter, r *http.Request) error {
	picture, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	text, err := a.decode(r.Context(), picture)
	if errors.Is(err, qrimage.ErrNoCode) {
		writeJSON(w, http.StatusOK, scanAnswer{})
		return nil
	}
	if err != nil {
		return err
	}
	qr, err := readCode(text)
	switch {
	case errors.Is(err, ErrNotPasskeyCode):
		writeJSON(w, http.StatusOK, scanAnswer{Problem: "That's not a passkey code. Look for the one the sign-in window shows."})
	case errors.Is(err, ErrDigitalID):
		writeJSON(w, http.StatusOK, scanAnswer{Problem: digitalIDProblem})
	case err != nil:
		writeJSON(w, http.StatusOK, scanAnswer{Problem: "This " + a.words.Device + " can't use that code. Ask the other device for another way."})
	default:
		writeJSON(w, http.StatusOK, scanAnswer{
			Code: a.codes.put(qr, a.cfg.Now()), Label: a.offer(qr.Hint), Linking: qr.Linking && a.links != nil,
		})
	}
	return nil
}

// digitalIDProblem refuses a code that asks for something else than a passkey.
// Nothing has been sent: the other device goes on showing the code.
const digitalIDProblem = "That computer asks for a digital ID. This app keeps passkeys only, so nothing was sent. Use your wallet app, or choose another way there."

func (a *App) offer(h hybrid.Hint) string {
	if h == hybrid.HintMakeCredential {
		return a.words.SavePasskey
	}
	return a.words.UsePasskey
}

func readPicture(picture []byte) (image.Image, error) {
	notOne := "That picture can't be read. Use a PNG or JPEG."
	size, _, err := image.DecodeConfig(bytes.NewReader(picture))
	if err != nil {
		return nil, &httpd.Error{Status: http.StatusUnsupportedMediaType, Public: notOne, Err: err}
	}
	if size.Width <= 0 || size.Height <= 0 || size.Width > maxPixels/size.Height {
		return nil, httpd.Errorf(http.StatusRequestEntityTooLarge, "That picture is too large. Cut out the code.", "picture of %d by %d", size.Width, size.Height)
	}
	img, _, err := image.Decode(bytes.NewReader(picture))
	if err != nil {
		return nil, &httpd.Error{Status: http.StatusUnsupportedMediaType, Public: notOne, Err: err}
	}
	return img, nil
}

// decode reads the code in a picture, a few pictures at a time: a small file may
// be a picture that takes much room.
func (a *App) decode(ctx context.Context, picture []byte) (string, error) {
	select {
	case a.decoding <- struct{}{}:
		defer func() { <-a.decoding }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	img, err := readPicture(picture)
	if err != nil {
		return "", err
	}
	return qrimage.Decode(img)
}

// scanStart is the tap on a found code.
func (a *App) scanStart(w http.ResponseWriter, r *http.Request) error {
	qr, ok := a.codes.take(r.PostFormValue("code"), a.cfg.Now())
	if !ok {
		return a.renderScan(w, http.StatusConflict, "That code has ended. Scan it again.")
	}
	t, err := a.begin(&transaction{hint: qr.Hint})
	if errors.Is(err, ErrBusy) {
		return see(w, r, "/scan/progress")
	}
	if err != nil {
		return err
	}
	// The transaction outlives the request; carry ends it with the App.
	go a.answer(context.WithoutCancel(r.Context()), t, qr, r.PostFormValue("remember") != "")
	return see(w, r, "/scan/progress")
}

func (a *App) scanCancel(w http.ResponseWriter, r *http.Request) error {
	a.mu.Lock()
	t := a.tx
	a.mu.Unlock()
	if t != nil {
		t.cancel()
	}
	return see(w, r, "/scan/progress")
}

// scanDone takes an ended transaction off the screen. One whose outcome has been
// told ends by it.
func (a *App) scanDone(w http.ResponseWriter, r *http.Request) error {
	a.mu.Lock()
	if a.tx != nil && (!a.tx.running() || a.tx.told() != resultNone) {
		a.tx.cancel()
		a.tx = nil
	}
	a.mu.Unlock()
	if r.PostFormValue("then") == "scan" {
		return see(w, r, "/scan")
	}
	return see(w, r, "/")
}

// A view of a transaction, taken at one moment.
type transactionView struct {
	Running bool
	Hint    hybrid.Hint
	Stage   link.Stage
	Asked   bool
	Saved   bool
	Result  result
	Leg     link.Leg
	Trouble tunnel.Trouble

	Computer, Remembered string // as in transaction
}

// transaction returns the one on the screen, or nil.
func (a *App) transaction() *transactionView {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.tx == nil {
		return nil
	}
	t := a.tx
	v := &transactionView{Running: t.running(), Hint: t.hint, Stage: t.stage, Asked: t.asked, Saved: t.saved, Result: t.result, Leg: t.leg, Trouble: t.trouble,
		Computer: t.computer, Remembered: t.remembered}
	if v.Running {
		v.Result = t.told()
	}
	return v
}
