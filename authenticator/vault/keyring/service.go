package keyring

import (
	"context"
	"errors"
	"fmt"

	"github.com/godbus/dbus/v5"

	"cardea/authenticator/vault"
)

const (
	busName     = "org.freedesktop.secrets"
	servicePath = dbus.ObjectPath("/org/freedesktop/secrets")
	noObject    = dbus.ObjectPath("/")

	serviceInterface    = "org.freedesktop.Secret.Service"
	collectionInterface = "org.freedesktop.Secret.Collection"
	itemInterface       = "org.freedesktop.Secret.Item"
	promptInterface     = "org.freedesktop.Secret.Prompt"
)

// service is a session with the Secret Service.
type service struct {
	conn    *dbus.Conn
	session dbus.ObjectPath
}

// sealedText is the Secret of the specification. In a plain session it is not
// sealed.
type sealedText struct {
	Session     dbus.ObjectPath
	Parameters  []byte
	Value       []byte
	ContentType string
}

// reach connects to the keyring.
func (h *Holder) reach(ctx context.Context) (*service, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	conn, err := h.connect(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("%w: %w", ErrNoKeyring, err)
	}
	s := &service{conn: conn}
	var output dbus.Variant
	err = s.call(ctx, servicePath, serviceInterface+".OpenSession", "plain", dbus.MakeVariant("")).Store(&output, &s.session)
	if err != nil {
		conn.Close()
		return nil, orAbsent(ctx, err)
	}
	return s, nil
}

// orAbsent tells a keyring that is not there from one that says no.
func orAbsent(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if said := (dbus.Error{}); errors.As(err, &said) {
		switch said.Name {
		case "org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.NameHasNoOwner",
			"org.freedesktop.DBus.Error.Spawn.ExecFailed", "org.freedesktop.DBus.Error.Spawn.ChildExited":
			return fmt.Errorf("%w: %w", ErrNoKeyring, err)
		}
	}
	return fmt.Errorf("opening a session with the keyring: %w", err)
}

func (s *service) close() error { return s.conn.Close() }

func (s *service) call(ctx context.Context, path dbus.ObjectPath, method string, args ...any) *dbus.Call {
	return s.conn.Object(busName, path).CallWithContext(ctx, method, 0, args...)
}

// openDefault returns the default collection, unlocked.
func (s *service) openDefault(ctx context.Context) (dbus.ObjectPath, error) {
	var collection dbus.ObjectPath
	if err := s.call(ctx, servicePath, serviceInterface+".ReadAlias", "default").Store(&collection); err != nil {
		return "", fmt.Errorf("looking for the default keyring: %w", err)
	}
	if collection == noObject {
		return "", fmt.Errorf("%w: there is no default keyring yet", ErrNoKeyring)
	}
	return collection, s.unlock(ctx, collection)
}

// unlock has the person open a collection or an item, unless it is open.
func (s *service) unlock(ctx context.Context, object dbus.ObjectPath) error {
	var unlocked []dbus.ObjectPath
	var prompt dbus.ObjectPath
	err := s.call(ctx, servicePath, serviceInterface+".Unlock", []dbus.ObjectPath{object}).Store(&unlocked, &prompt)
	if err != nil {
		return fmt.Errorf("unlocking the keyring: %w", err)
	}
	return s.prompt(ctx, prompt)
}

// find returns the item with the attributes, unlocked. It is ErrHolderLost that
// there is none.
func (s *service) find(ctx context.Context, attributes map[string]string) (dbus.ObjectPath, error) {
	var unlocked, locked []dbus.ObjectPath
	err := s.call(ctx, servicePath, serviceInterface+".SearchItems", attributes).Store(&unlocked, &locked)
	switch {
	case err != nil:
		return "", fmt.Errorf("searching: %w", err)
	case len(unlocked) != 0:
		return unlocked[0], nil
	case len(locked) != 0:
		return locked[0], s.unlock(ctx, locked[0])
	}
	return "", fmt.Errorf("%w: it is not in the keyring", vault.ErrHolderLost)
}

func (s *service) create(ctx context.Context, collection dbus.ObjectPath, attributes map[string]string, text []byte) error {
	properties := map[string]dbus.Variant{
		itemInterface + ".Label":      dbus.MakeVariant("Key to the passkeys of Cardea"),
		itemInterface + ".Attributes": dbus.MakeVariant(attributes),
	}
	value := sealedText{Session: s.session, Parameters: []byte{}, Value: text, ContentType: "text/plain"}
	var item, prompt dbus.ObjectPath
	err := s.call(ctx, collection, collectionInterface+".CreateItem", properties, value, true).Store(&item, &prompt)
	if err != nil {
		return fmt.Errorf("adding: %w", lockedOr(err))
	}
	return s.prompt(ctx, prompt)
}

func (s *service) read(ctx context.Context, item dbus.ObjectPath) ([]byte, error) {
	var value sealedText
	if err := s.call(ctx, item, itemInterface+".GetSecret", s.session).Store(&value); err != nil {
		return nil, fmt.Errorf("reading: %w", lockedOr(err))
	}
	return value.Value, nil
}

func (s *service) remove(ctx context.Context, item dbus.ObjectPath) error {
	var prompt dbus.ObjectPath
	if err := s.call(ctx, item, itemInterface+".Delete").Store(&prompt); err != nil {
		return fmt.Errorf("deleting: %w", lockedOr(err))
	}
	return s.prompt(ctx, prompt)
}

func lockedOr(err error) error {
	if said := (dbus.Error{}); errors.As(err, &said) && said.Name == "org.freedesktop.Secret.Error.IsLocked" {
		return fmt.Errorf("%w: %w", ErrLocked, err)
	}
	return err
}

// prompt lets the keyring ask the person, if it wants to, and waits for the
// answer. When the context ends, so does the question.
func (s *service) prompt(ctx context.Context, path dbus.ObjectPath) error {
	if path == noObject || path == "" {
		return nil
	}
	match := []dbus.MatchOption{
		dbus.WithMatchObjectPath(path), dbus.WithMatchInterface(promptInterface), dbus.WithMatchMember("Completed"),
	}
	signals := make(chan *dbus.Signal, 4)
	s.conn.Signal(signals)
	defer s.conn.RemoveSignal(signals)
	if err := s.conn.AddMatchSignalContext(ctx, match...); err != nil {
		return fmt.Errorf("waiting for the person: %w", err)
	}
	defer s.conn.RemoveMatchSignal(match...)
	defer func() {
		if ctx.Err() != nil {
			s.conn.Object(busName, path).Go(promptInterface+".Dismiss", dbus.FlagNoReplyExpected, nil)
		}
	}()
	// Without the identifier of a window: this program may have none.
	if err := s.call(ctx, path, promptInterface+".Prompt", "").Err; err != nil {
		return fmt.Errorf("%w: nobody could be asked: %w", ErrLocked, err)
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case signal, more := <-signals:
			if !more {
				return fmt.Errorf("%w: the keyring went away", ErrNoKeyring)
			}
			if signal.Path != path || signal.Name != promptInterface+".Completed" || len(signal.Body) == 0 {
				continue
			}
			if dismissed, ok := signal.Body[0].(bool); !ok || dismissed {
				return fmt.Errorf("%w: it was not opened when it asked", ErrLocked)
			}
			return nil
		}
	}
}
