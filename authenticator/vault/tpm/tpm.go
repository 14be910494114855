package tpm

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"

	"cardea/authenticator/vault"
	"cardea/internal/secret"
)

// What a TPM says when it cannot be used.
var (
	ErrNoTPM        = errors.New("this computer has no TPM 2.0, or it is switched off in the firmware settings")
	ErrNoPermission = errors.New("no permission to use the TPM: add yourself to its group, as in `sudo usermod -aG tss $USER`, and log in anew")
	// ErrOwnerAuth says that somebody has set a password for the owner
	// hierarchy, without which no storage root key can be made.
	ErrOwnerAuth = errors.New("the TPM wants the password of its owner, which this program does not know")
)

// Holder is a vault.KeyHolder. It opens the TPM for each call.
type Holder struct {
	open func() (transport.TPMCloser, error)
}

var _ vault.KeyHolder = (*Holder)(nil)

// New returns the holder of this computer's TPM. Errors come from its methods:
// ErrNoTPM, ErrNoPermission.
func New() *Holder { return &Holder{open: openDevice} }

// Available reports whether there is a TPM that this program may use: nil,
// ErrNoTPM or ErrNoPermission.
func (h *Holder) Available() error {
	t, err := h.open()
	if err != nil {
		return err
	}
	return t.Close()
}

// Name is "tpm".
func (*Holder) Name() string { return "tpm" }

// Hold seals the key. The blob is all that there is of it. The TPM is not
// asked to remember the vault: the slot that the key opens does.
func (h *Holder) Hold(ctx context.Context, _ []byte, key secret.Key) (blob []byte, err error) {
	err = h.with(ctx, func(t transport.TPM, root rootKey) error {
		created, err := tpm2.Create{
			ParentHandle: tpm2.AuthHandle{Handle: root.handle, Name: root.name, Auth: root.session(encryptIn)},
			InSensitive: tpm2.TPM2BSensitiveCreate{Sensitive: &tpm2.TPMSSensitiveCreate{
				Data: tpm2.NewTPMUSensitiveCreate(&tpm2.TPM2BSensitiveData{Buffer: key.Expose()}),
			}},
			InPublic: tpm2.New2B(sealedTemplate),
		}.Execute(t)
		if err != nil {
			return fmt.Errorf("sealing: %w", err)
		}
		blob = sealed{root.name, created.OutPublic, created.OutPrivate}.encode()
		return nil
	})
	return blob, err
}

// sealedTemplate is data that the TPM gives back to whoever has it loaded.
var sealedTemplate = tpm2.TPMTPublic{
	Type:    tpm2.TPMAlgKeyedHash,
	NameAlg: tpm2.TPMAlgSHA256,
	ObjectAttributes: tpm2.TPMAObject{
		FixedTPM: true, FixedParent: true, UserWithAuth: true, NoDA: true,
	},
}

// Give unseals the key. It returns vault.ErrHolderLost if the TPM has been
// cleared, or is another one.
func (h *Holder) Give(ctx context.Context, _, blob []byte) (key secret.Key, err error) {
	s, err := decode(blob)
	if err != nil {
		return key, fmt.Errorf("%w: %w", vault.ErrHolderLost, err)
	}
	err = h.with(ctx, func(t transport.TPM, root rootKey) error {
		if !sameName(root.name, s.root) {
			return fmt.Errorf("%w: the TPM was cleared, or is another one", vault.ErrHolderLost)
		}
		key, err = root.unseal(t, s)
		return err
	})
	return key, err
}

// Forget does nothing: the key is in the blob, and goes with it.
func (h *Holder) Forget(context.Context, []byte, []byte) error { return nil }

// with does something with the storage root key and takes it away again.
func (h *Holder) with(ctx context.Context, do func(transport.TPM, rootKey) error) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	t, err := h.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	root, err := makeRoot(t)
	if err != nil {
		return err
	}
	// A device without resource manager has room for three objects in all.
	defer func() { err = errors.Join(err, flush(t, root.handle)) }()
	if err := ctx.Err(); err != nil {
		return err
	}
	return do(t, root)
}

// rootKey is the storage root key, loaded.
type rootKey struct {
	handle tpm2.TPMHandle
	name   tpm2.TPM2BName
	public tpm2.TPMTPublic
}

func makeRoot(t transport.TPM) (rootKey, error) {
	made, err := tpm2.CreatePrimary{
		PrimaryHandle: tpm2.TPMRHOwner,
		InPublic:      tpm2.New2B(tpm2.ECCSRKTemplate),
	}.Execute(t)
	if errors.Is(err, tpm2.TPMRCBadAuth) || errors.Is(err, tpm2.TPMRCAuthFail) {
		return rootKey{}, fmt.Errorf("%w: %w", ErrOwnerAuth, err)
	}
	if err != nil {
		return rootKey{}, fmt.Errorf("making the storage root key: %w", err)
	}
	public, err := made.OutPublic.Contents()
	if err != nil {
		return rootKey{}, errors.Join(fmt.Errorf("reading the storage root key: %w", err), flush(t, made.ObjectHandle))
	}
	return rootKey{made.ObjectHandle, made.Name, *public}, nil
}

// What a session encrypts: the key on its way in, or on its way out.
var (
	encryptIn  = tpm2.AESEncryption(128, tpm2.EncryptIn)
	encryptOut = tpm2.AESEncryption(128, tpm2.EncryptOut)
)

// session is one whose key only this TPM can learn.
func (r rootKey) session(encrypt tpm2.AuthOption) tpm2.Session {
	return tpm2.HMAC(tpm2.TPMAlgSHA256, 16, tpm2.Salted(r.handle, r.public), encrypt)
}

func (r rootKey) unseal(t transport.TPM, s sealed) (key secret.Key, err error) {
	loaded, err := tpm2.Load{
		ParentHandle: tpm2.NamedHandle{Handle: r.handle, Name: r.name},
		InPublic:     s.public,
		InPrivate:    s.private,
	}.Execute(t)
	if err != nil {
		// It is the right TPM, so what it cannot load was changed.
		return key, fmt.Errorf("%w: loading: %w", vault.ErrHolderLost, err)
	}
	defer func() { err = errors.Join(err, flush(t, loaded.ObjectHandle)) }()
	out, err := tpm2.Unseal{
		ItemHandle: tpm2.AuthHandle{Handle: loaded.ObjectHandle, Name: loaded.Name, Auth: r.session(encryptOut)},
	}.Execute(t)
	if err != nil {
		return key, fmt.Errorf("unsealing: %w", err)
	}
	defer clear(out.OutData.Buffer)
	return secret.New(out.OutData.Buffer), nil
}

func flush(t transport.TPM, h tpm2.TPMHandle) error {
	if _, err := (tpm2.FlushContext{FlushHandle: h}).Execute(t); err != nil {
		return fmt.Errorf("clearing the TPM's memory: %w", err)
	}
	return nil
}
