package provider

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"cardea/identity/grant"
)

// How long others may keep our documents. A key set is kept for much less time
// than a new key is published before it signs.
const (
	metadataMaxAge = 5 * time.Minute
	jwksMaxAge     = 15 * time.Minute
)

// metadata is what Discovery §3 and RFC 8414 §2 tell clients about a provider.
// Members with a default are written out wherever the default is not ours.
type metadata struct {
	Issuer        string `json:"issuer"`
	Authorization string `json:"authorization_endpoint"`
	Token         string `json:"token_endpoint"`
	UserInfo      string `json:"userinfo_endpoint"`
	JWKS          string `json:"jwks_uri"`
	Revocation    string `json:"revocation_endpoint"`
	Challenge     string `json:"authorization_challenge_endpoint,omitempty"`

	Scopes              []string `json:"scopes_supported"`
	ResponseTypes       []string `json:"response_types_supported"`
	ResponseModes       []string `json:"response_modes_supported"`
	GrantTypes          []string `json:"grant_types_supported"`
	SubjectTypes        []string `json:"subject_types_supported"`
	IDTokenAlgorithms   []string `json:"id_token_signing_alg_values_supported"`
	TokenAuthentication []string `json:"token_endpoint_auth_methods_supported"`
	RevocationAuth      []string `json:"revocation_endpoint_auth_methods_supported"`
	CodeChallenge       []string `json:"code_challenge_methods_supported"`
	ACRValues           []string `json:"acr_values_supported"`
	PromptValues        []string `json:"prompt_values_supported"`
	Claims              []string `json:"claims_supported"`

	ClaimsParameter     bool `json:"claims_parameter_supported"`
	RequestParameter    bool `json:"request_parameter_supported"`
	RequestURIParameter bool `json:"request_uri_parameter_supported"` // the default is true
	IssInAnswers        bool `json:"authorization_response_iss_parameter_supported"`
}

func newMetadata(issuer string, native bool) document {
	challenge := ""
	if native {
		challenge = issuer + PathChallenge
	}
	b, err := json.Marshal(metadata{
		Issuer:        issuer,
		Authorization: issuer + PathAuthorize,
		Token:         issuer + PathToken,
		UserInfo:      issuer + PathUserInfo,
		JWKS:          issuer + PathJWKS,
		Revocation:    issuer + PathRevoke,
		Challenge:     challenge,

		Scopes:              []string{scopeOpenID, scopeProfile, grant.ScopeOffline},
		ResponseTypes:       []string{"code"},
		ResponseModes:       []string{"query"},
		GrantTypes:          []string{"authorization_code", "refresh_token"},
		SubjectTypes:        []string{"public"},
		IDTokenAlgorithms:   []string{string(signingAlgorithm)},
		TokenAuthentication: []string{"none"}, // public clients only
		RevocationAuth:      []string{"none"},
		CodeChallenge:       []string{"S256"},
		ACRValues:           acrValues(native),
		PromptValues:        []string{promptNone, promptLogin, promptSelectAccount},
		Claims: []string{"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "at_hash",
			"name", "preferred_username", "locale"},
		IssInAnswers: true,
	})
	if err != nil {
		panic("provider: internal error: " + err.Error())
	}
	return newDocument(b, metadataMaxAge)
}

// A document is JSON that is the same for everybody, held in memory.
type document struct {
	body         []byte
	etag         string
	cacheControl string
}

func newDocument(body []byte, maxAge time.Duration) document {
	sum := sha256.Sum256(body)
	return document{
		body:         body,
		etag:         `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`,
		cacheControl: fmt.Sprintf("public, max-age=%d", int(maxAge/time.Second)),
	}
}

func (d document) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", d.cacheControl)
	h.Set("ETag", d.etag)
	if r.Header.Get("If-None-Match") == d.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", fmt.Sprint(len(d.body)))
	_, _ = w.Write(d.body) // the client has gone; HEAD drops it
}
