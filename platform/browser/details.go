package browser

import (
	"encoding/json"
	"errors"
	"fmt"

	"cardea/platform"
	"cardea/webauthn"
)

// override is the extension by which the browser tells who the page is. A page
// that gives it itself is not heard: the browser writes its own over it.
const override = "remoteDesktopClientOverride"

// callerOf takes the page's origin out of the extensions of a request.
func callerOf(extensions map[string]json.RawMessage) (platform.Caller, error) {
	var o struct {
		Origin                  webauthn.Origin `json:"origin"`
		SameOriginWithAncestors *bool           `json:"sameOriginWithAncestors"`
	}
	raw, ok := extensions[override]
	if !ok {
		return platform.Caller{}, errors.New("the browser did not say who asks")
	}
	delete(extensions, override)
	if err := json.Unmarshal(raw, &o); err != nil {
		return platform.Caller{}, fmt.Errorf("reading who asks: %w", err)
	}
	if o.Origin == "" || o.SameOriginWithAncestors == nil {
		return platform.Caller{}, errors.New("the browser did not say who asks")
	}
	return platform.Caller{Origin: o.Origin, SameOriginWithAncestors: *o.SameOriginWithAncestors}, nil
}

func parseCreate(details string) (by platform.Caller, o webauthn.CreationOptions, err error) {
	if err := json.Unmarshal([]byte(details), &o); err != nil {
		return by, o, fmt.Errorf("reading the options of create: %w", err)
	}
	by, err = callerOf(o.Extensions)
	return by, o, err
}

func parseGet(details string) (by platform.Caller, o webauthn.RequestOptions, err error) {
	if err := json.Unmarshal([]byte(details), &o); err != nil {
		return by, o, fmt.Errorf("reading the options of get: %w", err)
	}
	by, err = callerOf(o.Extensions)
	return by, o, err
}
