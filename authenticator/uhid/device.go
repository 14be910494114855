package uhid

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"cardea/authenticator"
	"cardea/ctap"
	"cardea/ctap/ctaphid"
)

// path is where the kernel takes devices from programs.
const path = "/dev/uhid"

// A Device is a HID device that this program is. Read returns the next report
// that a client wrote, Write sends one to all who have the device open. One
// goroutine may read while others write.
type Device struct {
	rw     io.ReadWriteCloser
	event  [eventSize]byte // the reader's
	once   sync.Once
	closed error
}

// Open creates the device id on this computer. The error wraps
// fs.ErrPermission or fs.ErrNotExist if /dev/uhid cannot be had.
func Open(id Identity) (*Device, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return Create(f, id)
}

// Create creates the device id through rw, which reads and writes one event at
// a time: /dev/uhid, or a socket that keeps boundaries. It owns rw from then on,
// and has closed it if it fails.
func Create(rw io.ReadWriteCloser, id Identity) (*Device, error) {
	b, err := id.create()
	if err == nil {
		_, err = rw.Write(b)
	}
	if err != nil {
		rw.Close()
		return nil, fmt.Errorf("creating the HID device: %w", err)
	}
	return &Device{rw: rw}, nil
}

// Read waits for the next report and copies it to p, which must have room for
// 64 bytes. It returns ctaphid.ErrDeserted when the last client has closed the
// device, and can go on afterwards.
func (d *Device) Read(p []byte) (int, error) {
	for {
		n, err := d.rw.Read(d.event[:])
		if err != nil {
			return 0, err
		}
		e, err := parseEvent(d.event[:n])
		if err != nil {
			// Some client wrote a report of the wrong size. That is between it
			// and the kernel; the others go on.
			continue
		}
		switch e.kind {
		case output:
			if len(p) < len(e.report) {
				return 0, io.ErrShortBuffer
			}
			return copy(p, e.report), nil
		case getReport:
			_, err = d.rw.Write(reply(getReportReply, e.id))
		case setReport:
			_, err = d.rw.Write(reply(setReportReply, e.id))
		case closed:
			return 0, ctaphid.ErrDeserted
		}
		// The rest tells of clients that come, whom CTAPHID knows by channel.
		if err != nil {
			return 0, fmt.Errorf("refusing a feature report: %w", err)
		}
	}
}

// Write sends one report.
func (d *Device) Write(report []byte) (int, error) {
	if len(report) != ctaphid.ReportSize {
		return 0, fmt.Errorf("report of %d bytes, want %d", len(report), ctaphid.ReportSize)
	}
	if _, err := d.rw.Write(input(report)); err != nil {
		return 0, err
	}
	return len(report), nil
}

// Close removes the device. Closing twice is harmless.
func (d *Device) Close() error {
	d.once.Do(func() {
		_, err := d.rw.Write(order.AppendUint32(nil, uint32(destroy)))
		d.closed = errors.Join(err, d.rw.Close())
	})
	return d.closed
}

// version is what clients are told of the device: major, minor, build.
var version = [3]byte{0, 1, 0}

// Serve lets a answer what clients send to d, until ctx ends or d fails. It
// closes d. The error is that of ctx, or of the device. d is a *Device, or what
// stands in for one: it reads and writes one report at a time. U2F is spoken if
// a speaks it.
func Serve(ctx context.Context, d io.ReadWriteCloser, a *authenticator.Authenticator) error {
	caller := authenticator.Caller{Via: authenticator.ViaHID}
	u2f := a.U2F(caller)
	defer u2f.Close()
	cfg := ctaphid.DeviceConfig{
		Handle: func(ctx context.Context, request []byte) []byte {
			// One question at a time: what a U2F client is asking for gives
			// way, and comes back when it asks again. Who only looks what is
			// plugged in disturbs nobody.
			if ctap.Command(request[0]) != ctap.CmdGetInfo {
				u2f.Withdraw()
			}
			return a.Handle(ctx, caller, request)
		},
		WaitsFor: waitsFor,
		Version:  version,
	}
	if a.SpeaksU2F() {
		cfg.Message = u2f.Handle
	}
	return ctaphid.Serve(ctx, d, cfg)
}

// waitsFor says which commands put something to the person. Clients then tell
// them to look at their authenticator.
func waitsFor(request []byte) ctaphid.Waiting {
	switch ctap.Command(request[0]) {
	case ctap.CmdMakeCredential, ctap.CmdGetAssertion, ctap.CmdSelection, ctap.CmdReset, ctap.CmdBioEnrollment:
		return ctaphid.UserNeeded
	case ctap.CmdClientPIN:
		r, err := ctap.ParseRequest(request)
		if pin, ok := r.(ctap.ClientPINRequest); err == nil && ok && pin.SubCommand == ctap.PINGetTokenUsingUV {
			return ctaphid.UserNeeded
		}
	}
	return ctaphid.Processing
}
