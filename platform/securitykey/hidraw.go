package securitykey

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"cardea/ctap/ctaphid"
)

// Where the kernel shows HID devices, and where they can be opened.
const (
	sysClass = "/sys/class/hidraw"
	dev      = "/dev"
)

// find returns the paths of the FIDO keys that are plugged in, in order. The
// error wraps fs.ErrNotExist if this system has no such devices at all.
func (r *Route) find() ([]string, error) {
	sys := or(r.Sys, sysClass)
	entries, err := os.ReadDir(sys)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "hidraw") {
			continue
		}
		// A device that was pulled out a moment ago has none: not a key.
		descriptor, err := os.ReadFile(filepath.Join(sys, e.Name(), "device", "report_descriptor"))
		if err == nil && isFIDO(descriptor) {
			paths = append(paths, filepath.Join(or(r.Dev, dev), e.Name()))
		}
	}
	slices.Sort(paths)
	return paths, nil
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// A hidraw is a key's file. It reads and writes one report at a time.
type hidraw struct{ io.ReadWriteCloser }

func openHidraw(path string) (io.ReadWriteCloser, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return hidraw{f}, nil
}

// Write puts in front of the report the number that hidraw wants: zero, for a
// device that does not number its reports.
func (h hidraw) Write(report []byte) (int, error) {
	n, err := h.ReadWriteCloser.Write(append(make([]byte, 1, 1+ctaphid.ReportSize), report...))
	return max(n-1, 0), err
}

// mayNot reports whether err is that the system does not let us.
func mayNot(err error) bool { return errors.Is(err, fs.ErrPermission) }
