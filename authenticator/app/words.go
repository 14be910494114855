package app

import "cardea/authenticator/vault"

// A Style is the manner of a device: its labels, shapes and habits.
type Style string

// The styles.
const (
	IOS      Style = "ios"
	Android  Style = "android"
	Computer Style = "computer" // a Linux desktop, whose passkeys are used on it alone
)

// A Sensor is a way to show who one is without typing. Ours are simulated: the
// button stands for the face or the finger, and the page says so.
type Sensor struct {
	ID    string // value of the form's field
	Label string // of the button
	Icon  string
}

// Words are the things that are called differently on each device.
type Words struct {
	Device       string // "iPhone", "phone", "computer"
	System       string // "iOS", "Android", "Linux"
	Minimum      int    // the oldest major version that will do; zero if any will
	Camera       bool   // reads the codes that other devices show
	Links        bool   // lets computers be remembered, as Android phones may and iPhones don't
	Update       string // where the system is brought up to date
	Sensors      []Sensor
	UsePasskey   string // what a found code offers to do
	SavePasskey  string
	SaveTitle    string // asks whether to save one
	BareSecret   string // "passcode", "PIN": what is typed where there is no pattern
	EnterSecret  string // label of the button that leads to it
	SecretDigits string // how it is made, for first start
	Fingers      string // what the simulated sensor stands for
	Blocked      string // heading when the secret was wrong too often
	Erase        string // label of the consent to begin anew then
	Unlocked     string // what the secret unlocks, with its verb
}

var manners = map[Style]Words{
	IOS: {
		Device: "iPhone", System: "iOS", Minimum: 17,
		Update:     "Settings, then General, then Software Update",
		Sensors:    []Sensor{{"face", "Use Face ID", "face"}, {"finger", "Use Touch ID", "fingerprint"}},
		UsePasskey: "Sign in with passkey", SavePasskey: "Save a passkey", SaveTitle: "Save a passkey?",
		BareSecret: "passcode", EnterSecret: "Enter passcode", SecretDigits: "At least 4 characters; 6 digits are better.",
		Camera: true, Fingers: "your face or finger", Blocked: "This iPhone is blocked", Unlocked: "this iPhone is",
		Erase: "Erase this iPhone and set it up again. Its passkeys are lost for good.",
	},
	Android: {
		Device: "phone", System: "Android", Minimum: 14,
		Update:     "Settings, then System, then System update",
		Sensors:    []Sensor{{"finger", "Use fingerprint", "fingerprint"}, {"face", "Use face", "face"}},
		UsePasskey: "Use passkey", SavePasskey: "Create passkey", SaveTitle: "Create a passkey?",
		BareSecret: "PIN", EnterSecret: "Enter PIN", SecretDigits: "At least 4 characters; 6 digits are better.",
		Camera: true, Links: true, Fingers: "your face or finger", Blocked: "This phone is blocked", Unlocked: "this phone is",
		Erase: "Erase this phone and set it up again. Its passkeys are lost for good.",
	},
	// On a computer it is the passkeys that are locked, blocked and erased, not
	// the computer: nobody may fear for the rest of it.
	Computer: {
		Device: "computer", System: "Linux",
		Sensors:    []Sensor{{"finger", "Use fingerprint", "fingerprint"}},
		UsePasskey: "Use passkey", SavePasskey: "Create passkey", SaveTitle: "Create a passkey?",
		BareSecret: "PIN", EnterSecret: "Enter PIN", SecretDigits: "At least 4 characters; letters are welcome.",
		Fingers: "your finger", Blocked: "The passkeys here are blocked", Unlocked: "your passkeys here are",
		Erase: "Erase the passkeys on this computer and begin anew. They are lost for good; nothing else is touched.",
	},
}

// secretWords are the words for the secret itself.
type secretWords struct {
	Noun  string // "passcode", "PIN", "pattern"
	Label string // of its field
	Enter string // of the button that leads to its field
	Title string // heading of the sheet that asks for it
	Icon  string
}

func (w Words) secret(k vault.Kind) secretWords {
	if k == vault.Pattern {
		return secretWords{Noun: "pattern", Label: "Pattern", Enter: "Draw pattern", Title: "Draw your pattern", Icon: "pattern"}
	}
	label := "Passcode"
	if w.BareSecret == "PIN" {
		label = "PIN"
	}
	return secretWords{Noun: w.BareSecret, Label: label, Enter: w.EnterSecret, Title: "Enter your " + w.BareSecret, Icon: "pin"}
}
