package provider

import (
	"mime"
	"net/http"
	"net/url"
)

// params are the parameters of a request, each with one value that is not
// empty: RFC 6749 §3.1 counts an empty one as absent.
type params map[string]string

// parse reads parameters. twice names those that came more than once, which
// RFC 6749 §3.1 forbids; they are not in the result, for nobody could say which
// was meant. resource and audience may come several times (RFC 8707 §2); they
// are unknown here and ignored.
func parse(values url.Values) (p params, twice map[string]bool) {
	p, twice = params{}, map[string]bool{}
	for name, v := range values {
		if name == "resource" || name == "audience" {
			continue
		}
		switch {
		case len(v) > 1:
			twice[name] = true
		case v[0] != "":
			p[name] = v[0]
		}
	}
	return p, twice
}

// form reads the parameters in the body of a POST. What stands in the query of
// one is not read (RFC 6749 §3.2).
func form(r *http.Request) (params, *Error) {
	values, oerr := formValues(r)
	if oerr != nil {
		return nil, oerr
	}
	p, twice := parse(values)
	if len(twice) > 0 {
		return nil, &Error{Code: invalidRequest, Description: "a parameter was sent twice"}
	}
	return p, nil
}

func formValues(r *http.Request) (url.Values, *Error) {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/x-www-form-urlencoded" {
		return nil, &Error{Code: invalidRequest, Description: "the body must be application/x-www-form-urlencoded"}
	}
	// ParseForm reads the query as well and its faults are not the body's;
	// PostForm is the body alone.
	r.URL.RawQuery = ""
	if err := r.ParseForm(); err != nil {
		return nil, &Error{Code: invalidRequest, Description: "the body cannot be read", Err: err}
	}
	return r.PostForm, nil
}
