package hybrid

import "cardea/internal/secret"

// A Key is secret bytes that print, log and encode as nothing. Expose returns
// them, for who must keep them: a phone that clients are linked with keeps its
// root and its contact key.
type Key = secret.Key

// rootSize is the length of a root in bytes.
const rootSize = 32

// NewRoot returns a random key from which a phone makes what it gives its links
// (LinkSecret, IdentityKey), so that it keeps nothing else of them.
func NewRoot() Key { return secret.Random(rootSize) }

// KeyFrom returns the Key of bytes that were kept. It copies them.
func KeyFrom(kept []byte) Key { return secret.New(kept) }
