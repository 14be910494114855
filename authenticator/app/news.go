package app

import "sync"

// News tells the open pages that something has changed. It carries no content:
// who hears of it looks for themselves, so that nothing is missed when two
// changes fall together.
type news struct {
	mu      sync.Mutex
	edition int
	next    chan struct{} // closed at the next change
}

func newNews() *news { return &news{next: make(chan struct{})} }

// tell announces a change.
func (n *news) tell() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.edition++
	close(n.next)
	n.next = make(chan struct{})
}

// latest returns the number of the edition and a channel that is closed when
// there is a newer one.
func (n *news) latest() (int, <-chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.edition, n.next
}
