package provider

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/url"
	"time"

	"cardea/internal/secret"
)

// A marker remembers, inside of an authorization request that waits for a
// sign-in, when it began to wait. Any sign-in after that moment is the one that
// was asked for; without the marker prompt=login would ask again after each.
//
//	marker = base64url( Unix milliseconds, 8 bytes ‖ HMAC-SHA-256 of them and
//	                    of the request, 32 bytes )
//
// It is no secret and opens nothing. It cannot be made by others, it answers
// only the request it was made for, and only for a while.
const (
	paramMarker = "cardea_asked"
	markerLife  = 10 * time.Minute
	markerSize  = 8 + sha256.Size
)

// newMarker returns the marker for request, which waits since now.
func newMarker(key secret.Key, request url.Values, now time.Time) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(now.UnixMilli()))
	return base64.RawURLEncoding.EncodeToString(append(b, markerMAC(key, request, b)...))
}

// markerTime returns since when request has waited, and false if the marker is
// not one of ours for it or is too old.
func markerTime(key secret.Key, request url.Values, marker string, now time.Time) (time.Time, bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(marker)
	if err != nil || len(b) != markerSize || !hmac.Equal(b[8:], markerMAC(key, request, b[:8])) {
		return time.Time{}, false
	}
	since := time.UnixMilli(int64(binary.BigEndian.Uint64(b)))
	return since, now.Sub(since) < markerLife
}

// markerMAC covers every parameter but the marker itself, in an order that does
// not depend on how they were sent.
func markerMAC(key secret.Key, request url.Values, when []byte) []byte {
	rest := url.Values{}
	for name, v := range request {
		if name != paramMarker {
			rest[name] = v
		}
	}
	mac := hmac.New(sha256.New, key.Expose())
	mac.Write(when)
	mac.Write([]byte(rest.Encode()))
	return mac.Sum(nil)
}
