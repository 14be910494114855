package browser

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"

	"cardea/webauthn"
)

// Limits of the list of related origins, as Chromium has them.
const (
	relatedTimeout   = 10 * time.Second
	maxRelated       = 256 << 10
	maxRelatedTravel = 10 // redirects
)

// fetchRelated is platform.Related over HTTPS. The client has no cookie jar,
// and Go sets a Referer only after a redirect, where it is taken off.
func fetchRelated(transport http.RoundTripper) func(ctx context.Context, rp webauthn.RPID) ([]byte, error) {
	client := &http.Client{
		Transport: transport,
		Timeout:   relatedTimeout,
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			r.Header.Del("Referer")
			switch {
			case r.URL.Scheme != "https":
				return errors.New("redirected away from https")
			case len(via) >= maxRelatedTravel:
				return errors.New("redirected too often")
			}
			return nil
		},
	}
	return func(ctx context.Context, rp webauthn.RPID) ([]byte, error) {
		b, err := fetch(ctx, client, "https://"+string(rp)+"/.well-known/webauthn")
		if err != nil {
			return nil, fmt.Errorf("fetching the related origins of %s: %w", rp, err)
		}
		return b, nil
	}
}

func fetch(ctx context.Context, c *http.Client, url string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := c.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", response.StatusCode)
	}
	if kind, _, err := mime.ParseMediaType(response.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, errors.New("want the type application/json")
	}
	b, err := io.ReadAll(io.LimitReader(response.Body, maxRelated+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxRelated {
		return nil, fmt.Errorf("more than %d bytes", maxRelated)
	}
	return b, nil
}
