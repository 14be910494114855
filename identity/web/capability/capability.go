// Package capability knows what systems and browsers can do with passkeys: one
// table, which the support page shows and which says what system is too old.
//
// The table is for reading. What the browser in front of us can do is asked of
// it (PublicKeyCredential.getClientCapabilities), and a browser that is not in
// the table is let try.
//
// Sources, by their short name in the rows: PKD is the device support page of
// passkeys.dev (April 2026), BCD the browser-compat-data behind MDN, ENTRA what
// Microsoft documents as working with Entra ID, HOUSE a limit of Cardea's own.
package capability

// A Leg is one thing that a device can do with passkeys or cannot.
type Leg string

// The legs, in the order of the table.
const (
	Here      Leg = "here"      // keep a passkey on this device
	Computer  Leg = "computer"  // show a QR code and be signed in by a phone
	Phone     Leg = "phone"     // scan a QR code and sign in another device
	Autofill  Leg = "autofill"  // offer passkeys in the list below the user name
	Signals   Leg = "signals"   // hear that a passkey was deleted or renamed
	Remembers Leg = "remembers" // reach a phone again without a QR code
)

// Legs are all of them.
var Legs = []Leg{Here, Computer, Phone, Autofill, Signals, Remembers}

// An Answer is what is known of one leg.
type Answer string

const (
	Yes     Answer = "yes"
	No      Answer = "no"
	Unknown Answer = "unknown" // sources differ or say nothing
	None    Answer = "none"    // it does not apply: a desktop is no phone
)

// A Cell is what a browser on a system can do of one leg.
type Cell struct {
	Answer Answer
	Since  string // the first version of the system or browser, "iOS 17"; names are not translated
	Note   string // key of a word on it, "extension"; may be empty
}

// A Row is one browser on one system.
type Row struct {
	System, Browser string
	Cells           [6]Cell // in the order of Legs
}

func yes(since string) Cell         { return Cell{Yes, since, ""} }
func noted(since, note string) Cell { return Cell{Yes, since, note} }
func no(note string) Cell           { return Cell{No, "", note} }

var (
	unknown = Cell{Answer: Unknown}
	none    = Cell{Answer: None}
)

// Rows is the table. Each row names where it comes from.
var Rows = []Row{
	// PKD: phone and computer from 16, autofill 16.1; HOUSE: 17, as other apps may keep passkeys from then (PKD). BCD: signals. ENTRA: a QR code each time.
	{"iPhone, iPad", "Safari", [6]Cell{yes("iOS 17"), yes("iOS 16"), yes("iOS 17"), yes("iOS 16.1"), yes("iOS 26"), no("qr_always")}},
	// PKD: all browsers there are Safari's engine. BCD speaks of Safari's signals only.
	{"iPhone, iPad", "Chrome, Edge, Firefox", [6]Cell{yes("iOS 17"), yes("iOS 16"), yes("iOS 17"), yes("iOS 16.1"), unknown, no("qr_always")}},
	// PKD: computer from 9, autofill Chrome 108; HOUSE: 14, as other apps may keep passkeys from then (PKD). BCD: signals.
	{"Android", "Chrome", [6]Cell{yes("Android 14"), yes("Android 9"), yes("Android 14"), yes("Chrome 108"), yes("Chrome 132"), none}},
	// PKD: autofill Edge 122. BCD: signals. ENTRA: works.
	{"Android", "Edge", [6]Cell{yes("Android 14"), yes("Android 9"), yes("Android 14"), yes("Edge 122"), yes("Edge 132"), none}},
	// PKD: no autofill. ENTRA: not with other apps' passkeys. BCD: no signals. The phone's camera does not ask the browser.
	{"Android", "Firefox", [6]Cell{no("chrome"), unknown, yes("Android 14"), no("button"), no(""), none}},
	// PKD: QR by Windows from 11 23H2, by Chrome 108 before; autofill 108 with 11 22H2; remembered phones 11 23H2 with Android. ENTRA: Windows Hello 10 22H2. BCD: signals.
	{"Windows", "Chrome", [6]Cell{yes("Windows 10 22H2"), yes("Windows 11 23H2 / Chrome 108"), none, yes("Windows 11 22H2, Chrome 108"), yes("Chrome 132"), noted("Windows 11 23H2", "android_only")}},
	// As Chrome; PKD: autofill Edge 122.
	{"Windows", "Edge", [6]Cell{yes("Windows 10 22H2"), yes("Windows 11 23H2 / Edge 108"), none, yes("Windows 11 22H2, Edge 122"), yes("Edge 132"), noted("Windows 11 23H2", "android_only")}},
	// PKD: QR by Windows alone, autofill Firefox 122. BCD: no signals.
	{"Windows", "Firefox", [6]Cell{yes("Windows 10 22H2"), yes("Windows 11 23H2"), none, yes("Windows 11 22H2, Firefox 122"), no(""), noted("Windows 11 23H2", "android_only")}},
	// PKD: 13; autofill Safari 16.1. BCD: signals Safari 26.
	{"Mac", "Safari", [6]Cell{yes("macOS 13"), yes("macOS 13"), none, yes("Safari 16.1"), yes("Safari 26"), no("qr_always")}},
	// PKD: 13, autofill 108; its pages differ on remembered phones. BCD: signals. ENTRA: Chrome asks for a permission.
	{"Mac", "Chrome", [6]Cell{noted("macOS 13", "permission"), yes("macOS 13"), none, yes("Chrome 108"), yes("Chrome 132"), unknown}},
	// PKD: autofill Edge 122. BCD: signals.
	{"Mac", "Edge", [6]Cell{noted("macOS 13", "permission"), yes("macOS 13"), none, yes("Edge 122"), yes("Edge 132"), unknown}},
	// PKD: autofill Firefox 122. BCD: no signals.
	{"Mac", "Firefox", [6]Cell{yes("macOS 13"), yes("macOS 13"), none, yes("Firefox 122"), no(""), no("qr_always")}},
	// PKD: synced passkeys and autofill from 129, QR from 108. BCD: signals.
	{"ChromeOS", "Chrome", [6]Cell{yes("ChromeOS 129"), yes("ChromeOS 108"), none, yes("ChromeOS 129"), yes("ChromeOS 132"), unknown}},
	// PKD: passkeys and autofill by extensions, QR in Chrome and Edge. BCD: signals.
	{"Linux", "Chrome, Chromium, Edge", [6]Cell{noted("", "extension"), yes("Chrome 108, Edge 108"), none, noted("", "extension"), yes("Chrome 132, Edge 132"), unknown}},
	// PKD: extensions; QR in Chrome and Edge only. ENTRA: works, but not with a phone.
	{"Linux", "Firefox", [6]Cell{noted("", "extension"), no("key_or_chromium"), none, noted("", "extension"), no(""), none}},
}

// A Minimum is the oldest version of a phone's system whose passkeys Cardea
// takes.
type Minimum struct {
	Key    string // "iphone"
	System string // as a browser's agent names it
	OS     string // as its maker calls the system
	Major  int
}

// Minimums are those of the phones (HOUSE: from these on an app of one's own may
// keep passkeys; PKD, "Third-Party Credential Managers").
var Minimums = []Minimum{{"iphone", "iPhone", "iOS", 17}, {"ipad", "iPad", "iPadOS", 17}, {"android", "Android", "Android", 14}}
