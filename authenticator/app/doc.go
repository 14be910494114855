// Package app is the phone: the authenticator app's own pages, served on
// loopback, in the manner of an iPhone, of an Android phone, or of a desktop
// computer, whose passkeys are used on it alone. A person sets up the vault
// here, looks after passkeys, scans the code that a computer shows (with a
// phone), and says yes or no when something is asked.
//
// # How a question reaches the person
//
// The App is the authenticator.Person of its Authenticator. A question lies on
// a desk that has room for one; it goes through the steps drawn in desk.go,
// and the phone, not the page, keeps the step. Pages hear of changes as
// server-sent events (GET /events) that carry only keys and numbers, and fetch
// what they show. So any number of tabs stay together, a question that is
// withdrawn leaves them all, and a page that was asleep is right when it wakes.
//
//	Authenticator ── Ask ──► desk ◄── POST /prompt ── any page
//	                          │ news
//	                          └─────► GET /events ──► every page, which fetches /prompt/sheet
//
// # One vault, two faces, one desk
//
// To programs that know the agent's socket, and by codes, the app is a phone
// (Authenticator). To everything that speaks to security keys it is one (Key),
// with a client PIN, hmac-secret and the rest of CTAP, over the same vault: the
// PIN of the pages is the PIN that ssh or a browser asks for. Both put their
// questions on the same desk, so there is never a second one on the screen.
//
// A vault that is opened by a pattern has no client PIN, for a client could not
// send it and would take it away by setting one. The key then verifies its
// person here. Before the first start it says that it can do neither; the first
// passkey, or the first PIN that a client sets, makes the vault.
//
// A question also stands where Config and AlsoAsk say: in a notification while
// no page is in sight, at a terminal. The first answer counts, and the rest are
// taken down before the next question comes. A notification allows only what
// one press may; all else opens the page.
//
// A fingerprint stands for the secret while the vault is open, or where its
// person has let this computer keep a key of it (Config.Holders): then a finger
// opens it too. That key alone opens the vault at the start of the app, and
// verifies nobody.
//
// A reset, which a client may ask for in the first ten seconds, names what is
// lost and wants a button held for three; the app takes the time, not the page.
//
// Who asks is told as far as it is known: on Linux the program at the agent's
// socket by the name of its file, and what it calls itself as its own word; of a
// program at the HID device nothing is known but that it runs here.
//
// # How a code is scanned
//
// A page sends pictures (POST /scan/frame) from the camera, a shared screen, or
// a file; they are decoded here. The text of a code is a bearer secret: the
// page gets a random name for it that works once, for five minutes. A tap
// (POST /scan/start) begins a transaction, which opens a tunnel at the relay,
// advertises, and hands each CTAP request to the Authenticator. The progress
// page shows the three legs of the way and marks the one that failed. When the
// answer is on its way it says "Sent", and from then on giving up changes nothing
// of that: the phone cannot know that the computer signed in.
//
// A code that asks for a digital ID is refused before anything is sent: this app
// keeps passkeys only.
//
// # How a computer asks without a code
//
// An Android-style phone may be linked with a computer that wants it, where its
// person chooses "Remember this computer" on the found code; an iPhone never is.
// The link is kept once a passkey was used or saved (linkbook.go), and while
// there is one, the app listens at its relay (called.go). A call ends in the same
// transaction as a code, but nothing is on the screen before the handshake has
// shown that the caller has the link:
//
//	relay ── call ──► known link? ──► tunnel, advertisement, handshake ──► transaction, questions
//	                   no: gone           failed: a line in Activity
//
// The computers have pages of their own, /settings/computers. What lies unsealed
// beside the vault for this is weighed in docs/decisions/0020-linked-computers.md.
//
// # Names that browser tests and other programs may rely on
//
// Addresses: / (set up, lock screen, or passkeys), /scan, /scan/progress,
// /activity, /settings, and /prompt, the question alone, for a window that
// another program opened. On /prompt the element with data-state is "waiting",
// "asking" or "done"; after the last step it stays "done" until the next
// question. A question in a sheet has role "dialog".
//
// Buttons and links of a question: "Continue", "Cancel", "OK" (where there is
// nothing to decide), "Close" (of a blocked phone), "Set up" (before the first
// start); one radio button for each passkey, named by its account. To verify:
// "Use Face ID", "Use Touch ID", "Enter passcode" on an iPhone; "Use
// fingerprint", "Use face", "Enter PIN" or "Draw pattern" on Android; "Use
// fingerprint" or "Enter PIN" on a computer. A reset: "Hold to erase". Fields:
// "Passcode", "PIN", and at the first start "Passcode again", "PIN again". A
// pattern is drawn on buttons "Dot 1" to "Dot 9".
//
// Of linked computers: "Remember this computer" on a found code, "Forget this
// computer", "Forget all".
//
// Elsewhere: "Scan", "Use the camera", "Share a screen", "Choose a picture", the
// field "Picture of a code"; on a found code "Sign in with passkey" and "Save a
// passkey" (iPhone), "Use passkey" and "Create passkey" (Android); "Cancel",
// "Done", "Scan again"; "Unlock", "Lock now".
//
// # What guards the pages
//
// They listen on loopback only, answer to the names of this machine only (a
// foreign name that leads here is refused), and refuse every act that comes
// from another site, a neighboring port's included. Scripts and styles come
// from the app's own files. No secret is in an address, an event or the log.
//
// On Linux they also ask the system whose each connection is, and refuse the
// other users of this machine. On other systems whoever has an account there can
// guess at the passcode, or erase the vault.
//
// Programs of the same user that have nothing but loopback, as in a sandbox, are
// kept out by a cookie: a browser gets it for the passcode, or for a code that is
// good once and is a part of what PromptURL returns. Others see where the
// passcode is asked for. With Config.Unguarded, as for a demonstration, whoever
// opens the port stands before the phone's screen.
//
// What they do not guard against: programs that read the person's files, or the
// cookies of their browser. Programs reach the Authenticator by the agent's
// socket, which only the same user may open.
//
// # Minimum system
//
// Below iOS 17 and Android 14 every page says so and how to update; the vault
// is not opened, nothing is scanned, and every request is declined.
package app
