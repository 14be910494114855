package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"cardea/authenticator"
	"cardea/authenticator/exchange"
	"cardea/authenticator/manage"
	"cardea/webauthn"
)

// The methods of a manage.Manager, as they are asked for.
const (
	opStatus = "status"
	opUnlock = "unlock"
	opLock   = "lock"
	opSecret = "secret"
	opErase  = "erase"
	opList   = "list"
	opRename = "rename"
	opDelete = "delete"
	opExport = "export"
	opImport = "import"
	opBlobs  = "blobs"
	opAdd    = "add-blobs"
)

// order is a question of the kind askManage: what to do, and with what.
type order struct {
	Op     string `cbor:"1,keyasint"`
	Secret string `cbor:"2,keyasint,omitempty"`
	New    string `cbor:"3,keyasint,omitempty"` // secret or name
	ID     []byte `cbor:"4,keyasint,omitempty"`
	Blobs  []byte `cbor:"5,keyasint,omitempty"`
}

// part is what follows the question of an import, and the answer to any order:
// as many frames as are needed, the last one with Last.
type part struct {
	Passkeys [][]byte         `cbor:"1,keyasint,omitempty"` // exchange.EncodePasskey
	Last     bool             `cbor:"2,keyasint,omitempty"`
	Fault    manage.Fault     `cbor:"3,keyasint,omitzero"`
	Status   *manage.Status   `cbor:"4,keyasint,omitempty"`
	Counts   *exchange.Counts `cbor:"5,keyasint,omitempty"`
	Blobs    []byte           `cbor:"6,keyasint,omitempty"`
}

const (
	// maxBatch is how many bytes of passkeys go into a frame.
	maxBatch = maxFrame / 2
	// maxBrought bounds an import: 100,000 passkeys are some 40 MB.
	maxBrought = 256 << 20
)

// writeParts sends passkeys and then last. next is called before each frame.
func writeParts(w io.Writer, passkeys []authenticator.Passkey, last part, next func()) error {
	var batch part
	size := 0
	flush := func() error {
		if size == 0 {
			return nil
		}
		next()
		err := writeFrame(w, batch)
		for _, b := range batch.Passkeys {
			clear(b)
		}
		batch, size = part{}, 0
		return err
	}
	for _, p := range passkeys {
		b, err := exchange.EncodePasskey(p)
		if err != nil {
			return err
		}
		if size+len(b) > maxBatch {
			if err := flush(); err != nil {
				return err
			}
		}
		batch.Passkeys, size = append(batch.Passkeys, b), size+len(b)
	}
	if err := flush(); err != nil {
		return err
	}
	next()
	last.Last = true
	return writeFrame(w, last)
}

// readParts reads what writeParts sent. next is called before each frame.
func readParts(r io.Reader, limit int, next func()) (passkeys []authenticator.Passkey, last part, err error) {
	for {
		next()
		var p part
		if err := readFrame(r, &p); err != nil {
			return nil, part{}, err
		}
		for _, b := range p.Passkeys {
			if limit -= len(b); limit < 0 {
				return nil, part{}, errors.New("more passkeys than there is room for")
			}
			passkey, err := exchange.DecodePasskey(b)
			clear(b)
			if err != nil {
				return nil, part{}, err
			}
			passkeys = append(passkeys, passkey)
		}
		if p.Last {
			return passkeys, p, nil
		}
	}
}

// managing is the server's side of orders.
type managing struct {
	m manage.Manager
	// importing is held while passkeys are brought in: one program at a time
	// may make us hold so much.
	importing chan struct{}
}

// receive reads what comes with an order. An import waits for the one before.
func (s *managing) receive(ctx context.Context, conn net.Conn, o order) (brought []authenticator.Passkey, done func(), err error) {
	if o.Op != opImport {
		return nil, func() {}, nil
	}
	select {
	case s.importing <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	done = func() { <-s.importing }
	brought, _, err = readParts(conn, maxBrought, func() { _ = conn.SetReadDeadline(time.Now().Add(frameTimeout)) })
	if err != nil {
		done()
		return nil, nil, err
	}
	return brought, done, nil
}

// carryOut does what was ordered and sends the answer.
func (s *managing) carryOut(ctx context.Context, conn net.Conn, o order, brought []authenticator.Passkey) error {
	passkeys, last, err := s.do(ctx, o, brought)
	last.Fault = manage.FaultOf(err)
	defer func() {
		for _, p := range passkeys {
			wipe(p)
		}
	}()
	return writeParts(conn, passkeys, last, func() { _ = conn.SetWriteDeadline(time.Now().Add(frameTimeout)) })
}

func (s *managing) do(ctx context.Context, o order, brought []authenticator.Passkey) (passkeys []authenticator.Passkey, last part, err error) {
	switch id := webauthn.CredentialID(o.ID); o.Op {
	case opStatus:
		var st manage.Status
		st, err = s.m.Status(ctx)
		last.Status = &st
	case opUnlock:
		err = s.m.Unlock(ctx, o.Secret)
	case opLock:
		err = s.m.Lock(ctx)
	case opSecret:
		err = s.m.SetSecret(ctx, o.Secret, o.New)
	case opErase:
		err = s.m.Erase(ctx, o.Secret)
	case opList:
		passkeys, err = s.m.List(ctx, o.Secret)
	case opRename:
		err = s.m.Rename(ctx, o.Secret, id, o.New)
	case opDelete:
		err = s.m.Delete(ctx, o.Secret, id)
	case opExport:
		passkeys, err = s.m.Export(ctx, o.Secret)
	case opImport:
		var c exchange.Counts
		c, err = s.m.Import(ctx, o.Secret, brought)
		last.Counts = &c
	case opBlobs:
		last.Blobs, err = s.m.Blobs(ctx, o.Secret)
	case opAdd:
		err = s.m.AddBlobs(ctx, o.Secret, o.Blobs)
	default:
		err = fmt.Errorf("it does not know %q; it may be older than this program", o.Op)
	}
	return passkeys, last, err
}

func wipe(p authenticator.Passkey) {
	p.PrivateKey.Wipe()
	p.HMACSecrets.Wipe()
	p.CredBlob.Wipe()
	p.LargeBlobKey.Wipe()
}
