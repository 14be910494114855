package chromium

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const testPage = `<!doctype html><title>t</title>
<label for=n>Your name</label><input id=n>
<button style="display:none">Go</button>
<button id=g>Go</button><p id=o></p>
<script>document.getElementById('g').onclick = () => { document.getElementById('o').textContent = 'Hello, ' + document.getElementById('n').value; };</script>`

func TestClicksAndTypesWhereTheWordsAre(t *testing.T) {
	if _, err := Find(); errors.Is(err, ErrNotInstalled) {
		t.Skip(err)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(testPage))
	}))
	t.Cleanup(srv.Close)
	b, err := Start(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	p, err := b.Open(t.Context(), srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Type(t.Context(), "Your name", "Ana"); err != nil {
		t.Fatal(err)
	}
	if err := p.Click(t.Context(), "Go"); err != nil {
		t.Fatal(err)
	}
	if _, err := p.WaitText(t.Context(), "Hello, Ana"); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 6*time.Second)
	defer cancel()
	if err := p.Click(short, "Nowhere"); err == nil || !strings.Contains(err.Error(), `"Go"`) {
		t.Errorf("Click(Nowhere) = %v, want an error that lists what there is", err)
	}
}
