package firefox

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// maxAnswer is the most bytes that one answer of Marionette may have.
const maxAnswer = 1 << 20

// marionette is Firefox's own protocol, which knows what WebDriver BiDi does not
// yet: virtual authenticators (WebAuthn Level 3 §11). A message is its length in
// bytes as text, a colon, and JSON: [0, id, command, parameters] one way,
// [1, id, error, result] the other.
type marionette struct {
	conn net.Conn
	in   *bufio.Reader
	next int
}

// meet waits until the Firefox of profile listens for Marionette.
func meet(ctx context.Context, profile string) (*marionette, error) {
	for {
		port, err := os.ReadFile(filepath.Join(profile, "MarionetteActivePort"))
		if err == nil && len(port) > 0 {
			var d net.Dialer
			conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strings.TrimSpace(string(port))))
			if err != nil {
				return nil, fmt.Errorf("reaching Marionette: %w", err)
			}
			m := &marionette{conn: conn, in: bufio.NewReader(conn)}
			_, err = m.message() // it says hello first
			return m, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for Marionette: %w", context.Cause(ctx))
		case <-time.After(25 * time.Millisecond): // it says so in no other way
		}
	}
}

func (m *marionette) message() ([]byte, error) {
	size, err := m.in.ReadString(':')
	if err != nil {
		return nil, fmt.Errorf("listening to Marionette: %w", err)
	}
	n, err := strconv.Atoi(strings.TrimSuffix(size, ":"))
	if err != nil || n < 0 || n > maxAnswer {
		return nil, fmt.Errorf("marionette says that %q bytes follow", size)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(m.in, b); err != nil {
		return nil, fmt.Errorf("listening to Marionette: %w", err)
	}
	return b, nil
}

func (m *marionette) call(command string, params, result any) error {
	m.next++
	data, err := json.Marshal([]any{0, m.next, command, params})
	if err != nil {
		return fmt.Errorf("%s: %w", command, err)
	}
	if _, err := fmt.Fprintf(m.conn, "%d:%s", len(data), data); err != nil {
		return fmt.Errorf("%s: %w", command, err)
	}
	data, err = m.message()
	if err != nil {
		return fmt.Errorf("%s: %w", command, err)
	}
	var answer [4]json.RawMessage
	if err := json.Unmarshal(data, &answer); err != nil {
		return fmt.Errorf("%s: %w", command, err)
	}
	if string(answer[2]) != "null" {
		return fmt.Errorf("%s: %.300s", command, answer[2])
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(answer[3], result)
}

// session begins a session and returns where BiDi speaks to it.
func (m *marionette) session() (address string, err error) {
	var made struct {
		Capabilities struct {
			Socket string `json:"webSocketUrl"`
		} `json:"capabilities"`
	}
	err = m.call("WebDriver:NewSession", map[string]any{"webSocketUrl": true}, &made)
	if err == nil && made.Capabilities.Socket == "" {
		err = fmt.Errorf("the session has no address for BiDi")
	}
	return made.Capabilities.Socket, err
}

// device plugs in an authenticator that agrees to everything.
func (m *marionette) device() error {
	return m.call("WebAuthn:AddVirtualAuthenticator", map[string]any{
		"protocol": "ctap2", "transport": "internal", "hasResidentKey": true, "hasUserVerification": true,
		"isUserConsenting": true, "isUserVerified": true,
	}, nil)
}
