package ceremony

import "fmt"

// A Reason is the stable code of a refusal, for logs, audit events and tests.
// What a page may be told is Refusal.Outward.
type Reason string

// Reasons that have to do with the ceremony itself.
const (
	// ReasonNoCeremony: what came back was not sealed by us, or for another
	// kind of ceremony.
	ReasonNoCeremony       Reason = "no_ceremony"
	ReasonChallengeSpent   Reason = "challenge_spent"
	ReasonChallengeExpired Reason = "challenge_expired"
	ReasonOtherBrowser     Reason = "other_browser"
	ReasonPageOrigin       Reason = "page_origin" // Browser.Origin is not one of ours
	ReasonOtherClient      Reason = "other_client"
)

// Reasons in the order of the checks of WebAuthn §7.1 and §7.2.
const (
	ReasonMalformed      Reason = "malformed"
	ReasonUnknownPasskey Reason = "unknown_passkey"
	ReasonNoUserHandle   Reason = "no_user_handle"
	ReasonWrongUser      Reason = "wrong_user"
	ReasonWrongAccount   Reason = "wrong_account" // of somebody else than was chosen
	ReasonWrongType      Reason = "wrong_type"
	ReasonWrongChallenge Reason = "wrong_challenge"
	ReasonWrongOrigin    Reason = "wrong_origin"
	ReasonCrossOrigin    Reason = "cross_origin"
	ReasonWrongRP        Reason = "wrong_rp"
	ReasonNotPresent     Reason = "not_present"
	ReasonNotVerified    Reason = "not_verified"
	ReasonBackupFlags    Reason = "backup_flags"   // BS without BE
	ReasonBackupChanged  Reason = "backup_changed" // BE is not what it was
	ReasonAlgorithm      Reason = "algorithm"
	ReasonAttestation    Reason = "bad_attestation"
	ReasonBadSignature   Reason = "bad_signature"
	ReasonPasskeyExists  Reason = "passkey_exists"
	ReasonExtensions     Reason = "extensions"
	ReasonNotStored      Reason = "not_discoverable" // the passkey could not be found again
)

// Reasons of our own policy.
const (
	ReasonDisabled        Reason = "disabled"
	ReasonSessionEnded    Reason = "session_ended"
	ReasonNotFresh        Reason = "not_fresh"
	ReasonTooManyPasskeys Reason = "too_many_passkeys"
	ReasonNoSelfService   Reason = "no_self_service"
	// ReasonPasskeyKind and ReasonPasskeyLeaves: a new passkey is of a provider, or
	// of a sort, that is not taken here. ReasonKindRefused is for one that is
	// registered: it was taken once.
	ReasonPasskeyKind   Reason = "passkey_kind"
	ReasonPasskeyLeaves Reason = "passkey_leaves"
	ReasonKindRefused   Reason = "kind_refused"
	ReasonName          Reason = "passkey_name"
	ReasonUsername      Reason = "username"
	ReasonDisplayName   Reason = "display_name"
	ReasonPassWrong     Reason = "pass_wrong"
	ReasonPassExpired   Reason = "pass_expired"
	ReasonPassSpent     Reason = "pass_spent"
	ReasonPassLocked    Reason = "pass_locked"
	ReasonSetupCode     Reason = "setup_code"
	ReasonSetUp         Reason = "set_up"
	// ReasonBusy: others kept changing the same passkey; try again.
	ReasonBusy Reason = "busy"
)

// ReasonRefused is what a page is told of any sign-in that failed, except
// ReasonUnknownPasskey and ReasonKindRefused.
const ReasonRefused Reason = "refused"

// A Refusal is a ceremony's no.
type Refusal struct {
	// Reason says which check failed. It goes to the log and the audit event,
	// not to the page.
	Reason Reason
	// Public is the sentence for the person.
	Public string
	// Outward is the code that the page's script may have. For sign-ins it is
	// ReasonUnknownPasskey, ReasonKindRefused or ReasonRefused (WebAuthn §14.6.2);
	// elsewhere it is Reason.
	Outward Reason
	// Err is the cause, for the log. It holds no secret.
	Err error
}

// Error is for the log.
func (r *Refusal) Error() string {
	if r.Err != nil {
		return fmt.Sprintf("refused: %s: %v", r.Reason, r.Err)
	}
	return fmt.Sprintf("refused: %s", r.Reason)
}

// Unwrap returns the cause.
func (r *Refusal) Unwrap() error { return r.Err }

// notSignedIn is the one sentence for every sign-in that fails: whether the
// passkey is unknown, its person disabled or the signature wrong is nobody's
// business out there.
const notSignedIn = "That passkey didn't sign you in. Try again, or sign in another way."

const kindRefused = "This passkey worked before, but passkeys of its kind aren't accepted here any more. " +
	"Use another passkey, or ask your help desk for an access pass."

// sentences are for people who are past the door: registration, passes, setup.
var sentences = map[Reason]string{
	ReasonNoCeremony:       "We lost track of where you were. Start again.",
	ReasonChallengeSpent:   "This was finished already. Start again.",
	ReasonChallengeExpired: "That took longer than 5 minutes, so we ended it to keep you safe. Start again when you're ready.",
	ReasonOtherBrowser:     "This was begun in another browser. Start again here.",

	ReasonNotVerified: "Your device didn't check that it's you. Set a PIN or screen lock on it, then try again.",
	ReasonAlgorithm:   "This device's kind of passkey doesn't work here. Use another device.",
	ReasonPasskeyExists: "This passkey is registered already. Choose another device, or delete the passkey " +
		"where it's kept and try again.",
	ReasonNotStored: "Your device didn't keep the passkey in a way it can find again. Use another device.",

	ReasonSessionEnded:    "You've been signed out. Sign in again to add a passkey.",
	ReasonDisabled:        "Your account is closed. Ask your help desk.",
	ReasonNotFresh:        "It's been more than 5 minutes since you last unlocked. Unlock once more to change your passkeys.",
	ReasonTooManyPasskeys: "You have as many passkeys as one person may have here. Delete one first.",
	ReasonNoSelfService:   "Here, passkeys are added with an access pass. Ask your help desk for one.",
	ReasonPasskeyKind:     "The app or key that saved this passkey isn't one that is accepted here. Choose one that is.",
	ReasonPasskeyLeaves:   "This passkey can be copied to other devices, and that isn't accepted here. Use one that stays on one device.",
	ReasonKindRefused:     kindRefused,
	ReasonName:            "Give it a name of up to 64 characters.",
	ReasonUsername:        "Use up to 64 letters a to z, digits, and . _ - + @ for the user name.",
	ReasonDisplayName:     "Give a name of up to 64 characters.",

	ReasonPassWrong:   "That name and access pass don't go together. Check both and try again.",
	ReasonPassExpired: "This access pass has run out. Ask your help desk for a new one.",
	ReasonPassSpent:   "This access pass has been used already. Ask your help desk for a new one.",
	ReasonPassLocked:  "Too many wrong passes for this name. Wait an hour, or ask your help desk for a new one.",

	ReasonSetupCode: "This link has run out or was replaced by a newer one. Start Cardea again for a new link.",
	ReasonSetUp:     "Cardea is set up already. Sign in with your passkey.",
}

// notAdded is for everything that goes wrong with a registration and that no
// person could mend by knowing more.
const notAdded = "Your passkey wasn't finished, and nothing was added. Remove the new copy on your device if it " +
	"shows one, then try again."

// refuse is a no to somebody who may know why.
func refuse(reason Reason, cause error) *Refusal {
	public, ok := sentences[reason]
	if !ok {
		public = notAdded
	}
	return &Refusal{Reason: reason, Public: public, Outward: reason, Err: cause}
}

// refuseSignIn is a no at the door. That passkeys of its kind are no longer taken
// is said, since only the passkey's holder can hear it: the signature is verified
// by then.
func refuseSignIn(reason Reason, cause error) *Refusal {
	r := &Refusal{Reason: reason, Public: notSignedIn, Outward: ReasonRefused, Err: cause}
	switch reason {
	case ReasonUnknownPasskey:
		r.Outward = reason
	case ReasonKindRefused:
		r.Outward, r.Public = reason, kindRefused
	}
	return r
}

// refusePass is a no to somebody with a code: a spent or expired pass is told
// only to who holds its code, and the rest is alike for all.
func refusePass(reason Reason) *Refusal {
	r := refuse(reason, nil)
	if reason == ReasonDisabled {
		r.Public, r.Outward = sentences[ReasonPassWrong], ReasonPassWrong
	}
	return r
}
