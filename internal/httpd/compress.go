package httpd

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// leastCompressed is the size in bytes from which compressing is worth it.
const leastCompressed = 512

var gzips = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(nil, gzip.DefaultCompression) // the level exists
	return z
}}

// Gzip compresses b for keeping: as small as gzip can.
func Gzip(b []byte) []byte {
	var out bytes.Buffer
	z, _ := gzip.NewWriterLevel(&out, gzip.BestCompression) // the level exists
	_, _ = z.Write(b)                                       // a Buffer takes everything
	_ = z.Close()
	return out.Bytes()
}

// AcceptsGzip tells whether the client of r reads gzip (RFC 9110 §12.5.3).
func AcceptsGzip(r *http.Request) bool {
	named, any := -1.0, -1.0
	for part := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		name, params, _ := strings.Cut(part, ";")
		q := 1.0
		if v, ok := strings.CutPrefix(strings.TrimSpace(params), "q="); ok {
			var err error
			if q, err = strconv.ParseFloat(v, 64); err != nil {
				q = 0
			}
		}
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "gzip", "x-gzip":
			named = q
		case "*":
			any = q
		}
	}
	if named >= 0 {
		return named > 0
	}
	return any > 0
}

// CompressPages compresses the HTML that next answers to GET, for clients that
// read gzip.
//
// A page that has both a secret and text that somebody else chose must not be
// compressed: who sees how long the answers are, and chooses the text, can guess
// the secret piece by piece (BREACH). Forms here carry no token against forged
// requests, since the browser's own word on where a request comes from does that
// work, and sessions are in cookies, so pages that can be asked for again and
// again hold no secret. What is shown once, such as an access pass, is the answer
// to a POST; those are left as they are, and so is all that is not a page.
func CompressPages(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			next.ServeHTTP(w, r)
			return
		}
		cw := &compressWriter{ResponseWriter: w, accepts: AcceptsGzip(r)}
		defer cw.close()
		next.ServeHTTP(cw, r)
	})
}

// compressWriter decides when the header is written. Pages are written whole,
// by one Write, so the first tells how long they are.
type compressWriter struct {
	http.ResponseWriter
	accepts bool
	status  int          // not written yet, if decided is false
	decided bool         // the header is out
	z       *gzip.Writer // nil if nothing is compressed
}

func (w *compressWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

func (w *compressWriter) decide(size int) {
	w.decided = true
	h := w.Header()
	if strings.HasPrefix(h.Get("Content-Type"), "text/html") && h.Get("Content-Encoding") == "" {
		h.Add("Vary", "Accept-Encoding")
		if w.accepts && size >= leastCompressed {
			h.Set("Content-Encoding", "gzip")
			h.Del("Content-Length")
			w.z = gzips.Get().(*gzip.Writer)
			w.z.Reset(w.ResponseWriter)
		}
	}
	if w.status != 0 {
		w.ResponseWriter.WriteHeader(w.status)
	}
}

func (w *compressWriter) Write(b []byte) (int, error) {
	if !w.decided {
		w.decide(len(b))
	}
	if w.z != nil {
		return w.z.Write(b)
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the real writer.
func (w *compressWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *compressWriter) close() {
	if !w.decided {
		w.decide(0)
	}
	if w.z != nil {
		_ = w.z.Close() // the reader left; nobody to tell
		gzips.Put(w.z)
	}
}
