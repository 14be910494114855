package browser

import (
	"net/netip"
	"net/url"
	"strings"

	"cardea/platform"
	"cardea/webauthn"
)

// A view is one screen as the extension draws it: words, and names of icons
// and buttons. The extension adds nothing to it.
type view struct {
	// Site and Passkey stand at the top of every screen: who asks, and for
	// whose passkey.
	Site    string `json:"site"`
	Passkey string `json:"passkey"`

	// Key changes when another screen begins, which then takes the focus; a
	// screen that only goes on keeps it.
	Key   string `json:"key"`
	Title string `json:"title"`
	Text  string `json:"text,omitempty"`
	// Alert makes a screen reader say title and text at once.
	Alert bool `json:"alert,omitempty"`
	// Middle puts everything in the middle.
	Middle bool `json:"middle,omitempty"`

	Art     string   `json:"art,omitempty"`     // wait, connected, key
	Tile    string   `json:"tile,omitempty"`    // an icon above the title
	Code    *code    `json:"code,omitempty"`    // the QR code
	Options []option `json:"options,omitempty"` // ways or accounts
	Legs    []leg    `json:"legs,omitempty"`
	Ticks   []tick   `json:"ticks,omitempty"`  // what is needed
	Fields  []field  `json:"fields,omitempty"` // what to type
	Note    string   `json:"note,omitempty"`
	Todo    []string `json:"todo,omitempty"` // what to do
	Buttons []button `json:"buttons"`
	// Until is when the screen ends, in milliseconds since 1970; 0 if it does
	// not.
	Until int64 `json:"until,omitempty"`
	// Page is where the window goes instead of drawing this.
	Page string `json:"page,omitempty"`
}

// code is a QR code as an SVG path in a square of Size units.
type code struct {
	Size int    `json:"size"`
	Path string `json:"path"`
	Name string `json:"name"` // for a screen reader
}

// option is one way or account. One that is Off cannot be taken; Detail says
// why.
type option struct {
	Action action `json:"action"`
	Icon   string `json:"icon"`
	Title  string `json:"title"`
	Detail string `json:"detail,omitempty"`
	Off    bool   `json:"off,omitempty"`
	// Aside is a second thing to do with it, such as to forget it.
	Aside *button `json:"aside,omitempty"`
}

// leg is one part of the way to a phone.
type leg struct {
	Icon   string `json:"icon"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
	State  string `json:"state"` // ok, work, bad, idle
	Chip   string `json:"chip"`  // the state in a word
}

type tick struct {
	Icon string `json:"icon"`
	Text string `json:"text"`
}

// field is something to type that nobody else should see. The first is sent with
// the primary button's action; all must be the same.
type field struct {
	Label string `json:"label"`
	Least int    `json:"least"`
	Short string `json:"short"` // said if it has fewer
	Most  int    `json:"most"`
	// Differs is said if this is not the same as the first.
	Differs string `json:"differs,omitempty"`
}

type button struct {
	Action action `json:"action"`
	Label  string `json:"label"`
	Style  string `json:"style"` // primary, secondary, quiet
	Icon   string `json:"icon,omitempty"`
}

func press(do platform.Do, label, style string) button {
	return button{Action: action{Do: string(do)}, Label: label, Style: style}
}

// The buttons that stand on more than one screen.
var (
	cancelButton = press(platform.DoCancel, "Cancel", "quiet")
	backButton   = button{Action: action{Do: string(platform.DoBack)}, Label: "Back", Style: "quiet", Icon: "back"}
	otherButton  = press(platform.DoBack, "Use another way", "secondary")
	againButton  = press(platform.DoAgain, "Try again", "primary")
)

// words is what the sentences are about.
type words struct {
	platform.Request
	here string // this computer, this device
}

// viewOf puts a screen into words.
func viewOf(r platform.Request, f platform.Form, s platform.Screen) view {
	w := words{Request: r, here: "this computer"}
	if f == platform.FormPhone {
		w.here = "this device"
	}
	var v view
	switch s.Sort {
	case platform.ScreenChoose:
		v = w.choose(s.Ways)
	case platform.ScreenProgress:
		v = w.progress(s)
	case platform.ScreenFailed:
		v = w.failed(s.Kind, *s.Failed)
	case platform.ScreenAccounts:
		v = w.accounts(s.Accounts)
	case platform.ScreenConsent:
		v = w.consent()
	case platform.ScreenPIN:
		v = w.pin(*s.PIN)
	default:
		panic("browser: internal error: no view for screen " + string(s.Sort))
	}
	v.Site, v.Passkey = site(r.Origin), w.passkey()
	return v
}

// site is an origin as a person reads it: without what is always there.
func site(o webauthn.Origin) string { return strings.TrimPrefix(string(o), "https://") }

func (w words) passkey() string {
	switch {
	case w.Purpose == platform.MakePasskey && w.Account != "":
		return "New passkey for " + w.Account + " at " + string(w.RPID)
	case w.Purpose == platform.MakePasskey:
		return "New passkey for " + string(w.RPID)
	}
	return "Passkey for " + string(w.RPID)
}

// Here is here at the beginning of a sentence.
func (w words) Here() string { return strings.ToUpper(w.here[:1]) + w.here[1:] }

func (w words) choose(ways []platform.Way) view {
	v := view{Key: "choose", Title: "Use a passkey to sign in", Text: "Where is your passkey?", Buttons: []button{cancelButton}}
	if w.Purpose == platform.MakePasskey {
		v.Title, v.Text = "Make a passkey", "Where do you want to keep it?"
	}
	for _, way := range ways {
		o := option{
			Action: action{Do: string(platform.DoChoose), Kind: string(way.Kind), ID: way.ID},
			Icon:   string(way.Kind), Title: wayTitles[way.Kind], Detail: w.detail(way), Off: !way.Usable,
		}
		if way.ID != "" {
			o.Title = way.Name
			o.Aside = &button{
				Action: action{Do: string(platform.DoForget), ID: way.ID},
				Label:  "Forget " + way.Name, Style: "quiet", Icon: "cross",
			}
		}
		v.Options = append(v.Options, o)
	}
	return v
}

var wayTitles = map[platform.Kind]string{
	platform.ThisDevice:  "This device",
	platform.Phone:       "iPhone, iPad, or Android device",
	platform.SecurityKey: "Security key",
}

// detail is the line below a way: what it is, or why it cannot be taken.
func (w words) detail(way platform.Way) string {
	switch way.Why {
	case platform.NotRunning:
		return "Cardea Authenticator isn't running here. Start it, and this comes back"
	case platform.NoBluetooth:
		return w.Here() + " has no Bluetooth to find your phone with"
	case platform.NotPermitted:
		return w.Here() + " doesn't let Cardea talk to security keys"
	case platform.NotSupported:
		return "Not available on " + w.here + " yet"
	case platform.NotWanted:
		return "This site asked for another kind"
	case platform.NothingHere:
		return "No passkey for " + string(w.RPID) + " here"
	}
	switch {
	case !way.Usable:
		return "Not available at the moment"
	case way.ID != "":
		return "Without a code. It's asked directly"
	case way.Kind == platform.Phone:
		return "Scan a code with its camera"
	case way.Kind == platform.SecurityKey:
		return "Plug it in and touch it"
	case w.Purpose == platform.MakePasskey:
		return "Cardea Authenticator keeps it"
	case way.Holds == platform.HoldsSome:
		return "Has a passkey for " + string(w.RPID)
	}
	return "Unlock it to see your passkeys"
}

func (w words) accounts(names []string) view {
	v := view{Key: "accounts", Title: "Which account?", Text: "This key has more than one passkey for " + string(w.RPID) + ".",
		Buttons: []button{cancelButton}}
	for i, name := range names {
		if name == "" {
			name = "Account without a name"
		}
		v.Options = append(v.Options, option{
			Action: action{Do: string(platform.DoAccount), Index: i}, Icon: "account", Title: name,
		})
	}
	return v
}

func (w words) consent() view {
	return view{
		Key: "consent", Middle: true, Tile: string(platform.SecurityKey),
		Title: "Tell the site which make it is?",
		Text:  site(w.Origin) + " would like to know the make and model of what holds your passkey. It doesn't learn who you are.",
		Note:  "Your passkey is made either way.",
		Buttons: []button{
			press(platform.DoDeny, "Don't tell", "secondary"),
			press(platform.DoAllow, "Tell the site", "primary"),
		},
	}
}

// pageURL returns u if the window may go there: only to this device.
func pageURL(u string) string {
	p, err := url.Parse(u)
	if err != nil || p.Scheme != "http" || p.User != nil {
		return ""
	}
	host := p.Hostname()
	if a, err := netip.ParseAddr(host); err == nil && a.IsLoopback() || host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return u
	}
	return ""
}
