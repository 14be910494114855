//go:build linux

package relayload

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"

	"cardea/hybrid"
)

// patience is how long a peer waits for anything.
const patience = 30 * time.Second

// addresses is how many addresses of 127.0.0.0/8 peers come from.
const addresses = 16

var dialed atomic.Uint32

// A peer is a client of a relay: a socket, and frames written by hand.
type peer struct {
	net.Conn
	tcp *net.TCPConn
	br  *bufio.Reader // nil when nothing was read behind the answer
}

// connect opens a socket.
func (t *Target) connect() (*peer, error) {
	from := netip.AddrFrom4([4]byte{127, 0, 0, byte(2 + dialed.Add(1)%addresses)})
	d := net.Dialer{Timeout: patience, LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))}
	nc, err := d.Dial("tcp", t.Addr)
	if err != nil {
		return nil, err
	}
	p := &peer{Conn: nc, tcp: nc.(*net.TCPConn)}
	if t.TLS != nil {
		p.Conn = tls.Client(nc, t.TLS)
	}
	p.SetDeadline(time.Now().Add(patience))
	return p, nil
}

// upgradeKey is a Sec-WebSocket-Key; nobody checks the answer to it.
var upgradeKey = base64.StdEncoding.EncodeToString(make([]byte, 16))

func request(path, more string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: " + upgradeKey + "\r\nSec-WebSocket-Protocol: fido.cable\r\n" + more + "\r\n"
}

// A refusedError is an answer other than 101.
type refusedError struct{ status int }

func (e *refusedError) Error() string { return fmt.Sprintf("the relay answered %d", e.status) }

// open opens a WebSocket. more is further header lines.
func (t *Target) open(path, more string) (*peer, error) {
	p, err := t.connect()
	if err != nil {
		return nil, err
	}
	if _, err = io.WriteString(p, request(path, more)); err == nil {
		err = p.answer()
	}
	if err != nil {
		p.abort()
		return nil, err
	}
	return p, nil
}

// answer reads the answer to an upgrade request.
func (p *peer) answer() error {
	br := bufio.NewReaderSize(p.Conn, 1024)
	resp, err := http.ReadResponse(br, nil)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		return &refusedError{resp.StatusCode}
	}
	if br.Buffered() > 0 {
		p.br = br
	}
	return nil
}

// pair opens a tunnel and joins it.
func (t *Target) pair(id hybrid.TunnelID) (phone, client *peer, err error) {
	if phone, err = t.open(newPath(id), ""); err != nil {
		return nil, nil, err
	}
	if client, err = t.open(connectPath(id), ""); err != nil {
		phone.abort()
		return nil, nil, err
	}
	return phone, client, nil
}

func newPath(id hybrid.TunnelID) string { return "/cable/new/" + hex.EncodeToString(id[:]) }
func connectPath(id hybrid.TunnelID) string {
	return "/cable/connect/000000/" + hex.EncodeToString(id[:])
}

// abort resets the connection.
func (p *peer) abort() {
	p.tcp.SetLinger(0)
	p.tcp.Close()
}

func (p *peer) reader() io.Reader {
	if p.br != nil {
		return p.br
	}
	return p.Conn
}

// frame returns a masked frame.
func frame(op ws.OpCode, payload []byte) []byte {
	mask := [4]byte{0x12, 0x34, 0x56, byte(len(payload))}
	b := []byte{0x80 | byte(op)}
	switch n := len(payload); {
	case n > 0xffff:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	case n > 125:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = append(b, 0x80|byte(n))
	}
	b = append(b, mask[:]...)
	at := len(b)
	b = append(b, payload...)
	ws.Cipher(b[at:], mask, 0)
	return b
}

// errClosed is a close frame of the relay.
var errClosed = errors.New("closed by the relay")

// receive returns the next message, and answers pings on the way.
func (p *peer) receive() ([]byte, error) {
	for {
		h, err := ws.ReadHeader(p.reader())
		if err != nil {
			return nil, err
		}
		b := make([]byte, h.Length)
		if _, err := io.ReadFull(p.reader(), b); err != nil {
			return nil, err
		}
		switch h.OpCode {
		case ws.OpPing:
			if _, err := p.Write(frame(ws.OpPong, b)); err != nil {
				return nil, err
			}
		case ws.OpClose:
			return nil, errClosed
		case ws.OpBinary:
			return b, nil
		}
	}
}

// close closes in good order, and waits for the end.
func (p *peer) close() error {
	defer p.Conn.Close()
	p.SetDeadline(time.Now().Add(patience))
	if _, err := p.Write(frame(ws.OpClose, []byte{0x03, 0xe8})); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, p.reader())
	return err
}
