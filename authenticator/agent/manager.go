package agent

import (
	"context"
	"errors"
	"fmt"
	"net"

	"cardea/authenticator"
	"cardea/authenticator/exchange"
	"cardea/authenticator/manage"
	"cardea/webauthn"
)

// Manager manages the vault of the program at the other end, if that lets it
// be managed (WithManager). When ctx ends, what was asked for may be done or
// not.
func (r *Remote) Manager() manage.Manager { return manager{r} }

type manager struct{ r *Remote }

// ErrCutShort says that the agent ended before it answered.
var ErrCutShort = errors.New("the passkey app ended the connection before it answered; it may be older than this program, or have ended")

// order has the agent carry out o.
func (m manager) order(ctx context.Context, o order, brought []authenticator.Passkey) (got []authenticator.Passkey, last part, err error) {
	q := question{Kind: askManage, Order: &o}
	err = m.r.talk(ctx, func(conn net.Conn) error {
		if err := writeFrame(conn, q); err != nil {
			return err
		}
		if o.Op == opImport {
			if err := writeParts(conn, brought, part{}, func() {}); err != nil {
				return err
			}
		}
		got, last, err = readParts(conn, maxBrought, func() {})
		if err != nil {
			return fmt.Errorf("%w: %w", ErrCutShort, err)
		}
		return nil
	})
	if err != nil {
		return nil, part{}, fmt.Errorf("asking the passkey app: %w", err)
	}
	return got, last, last.Fault.Err()
}

func (m manager) Status(ctx context.Context) (manage.Status, error) {
	_, last, err := m.order(ctx, order{Op: opStatus}, nil)
	if err == nil && last.Status == nil {
		err = ErrCutShort
	}
	if err != nil {
		return manage.Status{}, err
	}
	return *last.Status, nil
}

func (m manager) Unlock(ctx context.Context, secret string) error {
	_, _, err := m.order(ctx, order{Op: opUnlock, Secret: secret}, nil)
	return err
}

func (m manager) Lock(ctx context.Context) error {
	_, _, err := m.order(ctx, order{Op: opLock}, nil)
	return err
}

func (m manager) SetSecret(ctx context.Context, old, new string) error {
	_, _, err := m.order(ctx, order{Op: opSecret, Secret: old, New: new}, nil)
	return err
}

func (m manager) Erase(ctx context.Context, secret string) error {
	_, _, err := m.order(ctx, order{Op: opErase, Secret: secret}, nil)
	return err
}

func (m manager) List(ctx context.Context, secret string) ([]authenticator.Passkey, error) {
	got, _, err := m.order(ctx, order{Op: opList, Secret: secret}, nil)
	return got, err
}

func (m manager) Rename(ctx context.Context, secret string, id webauthn.CredentialID, name string) error {
	_, _, err := m.order(ctx, order{Op: opRename, Secret: secret, ID: id, New: name}, nil)
	return err
}

func (m manager) Delete(ctx context.Context, secret string, id webauthn.CredentialID) error {
	_, _, err := m.order(ctx, order{Op: opDelete, Secret: secret, ID: id}, nil)
	return err
}

func (m manager) Export(ctx context.Context, secret string) ([]authenticator.Passkey, error) {
	got, _, err := m.order(ctx, order{Op: opExport, Secret: secret}, nil)
	return got, err
}

func (m manager) Import(ctx context.Context, secret string, passkeys []authenticator.Passkey) (exchange.Counts, error) {
	_, last, err := m.order(ctx, order{Op: opImport, Secret: secret}, passkeys)
	if err != nil || last.Counts == nil {
		return exchange.Counts{}, err
	}
	return *last.Counts, nil
}
