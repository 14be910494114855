package ctaphid

import (
	"errors"
	"fmt"
	"io"
	"sync"
)

// ErrDeserted is what the Read of a device's end may return when the last
// client has closed the device. It is no failure: the next Read goes on. Serve
// then gives up what is under way, for nobody waits for it.
var ErrDeserted = errors.New("no client has the device open any more")

// A link reads reports in a goroutine of its own, so that whoever waits for
// one can wait for other things too.
type link struct {
	rw       io.ReadWriteCloser
	reports  chan Report
	deserted chan struct{} // in its place among the reports
	failed   chan struct{} // closed after err is set
	err      error
	closing  chan struct{}
	once     sync.Once
	reading  sync.WaitGroup
}

func newLink(rw io.ReadWriteCloser) *link {
	l := &link{
		rw:       rw,
		reports:  make(chan Report),
		deserted: make(chan struct{}),
		failed:   make(chan struct{}),
		closing:  make(chan struct{}),
	}
	l.reading.Go(l.read)
	return l
}

func (l *link) read() {
	defer close(l.failed)
	// A hidraw file gives one report a read and cuts off what does not fit:
	// the buffer has room to notice.
	buf := make([]byte, ReportSize+1)
	for {
		n, err := l.rw.Read(buf)
		if errors.Is(err, ErrDeserted) {
			select {
			case l.deserted <- struct{}{}:
				continue
			case <-l.closing:
				l.err = io.ErrClosedPipe
				return
			}
		}
		if err != nil {
			l.err = fmt.Errorf("reading a report: %w", err)
			return
		}
		if n != ReportSize {
			l.err = fmt.Errorf("report of %d bytes, want %d", n, ReportSize)
			return
		}
		select {
		case l.reports <- Report(buf[:ReportSize]):
		case <-l.closing:
			l.err = io.ErrClosedPipe
			return
		}
	}
}

// send writes a message, packet by packet.
func (l *link) send(m Message) error {
	reports, err := m.Reports()
	if err != nil {
		return err
	}
	for i := range reports {
		if _, err := l.rw.Write(reports[i][:]); err != nil {
			return fmt.Errorf("writing a report: %w", err)
		}
	}
	return nil
}

// close closes the device and waits for the reader.
func (l *link) close() (err error) {
	l.once.Do(func() {
		close(l.closing)
		err = l.rw.Close()
	})
	l.reading.Wait()
	return err
}
