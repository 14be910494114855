package relay

import "time"

// A wheel remembers when to look at what again, to a tenth of a second. What is
// due later than a turn of it comes up early, and is put in again.
type wheel[T any] struct {
	slots [256][]T
	now   int64 // the tick up to which everything was taken out
}

const tickTime = 100 * time.Millisecond

// tickOf returns the tick at whose end t has passed.
func tickOf(t time.Time) int64 { return t.UnixNano()/int64(tickTime) + 1 }

// put puts v in for t and returns the tick at which it comes up.
func (w *wheel[T]) put(v T, t time.Time) int64 {
	tick := min(max(tickOf(t), w.now+1), w.now+int64(len(w.slots))-1)
	i := tick % int64(len(w.slots))
	w.slots[i] = append(w.slots[i], v)
	return tick
}

// turn takes out what is due at now, with the ticks it was put in for.
func (w *wheel[T]) turn(now time.Time, due func(v T, tick int64)) {
	to := now.UnixNano() / int64(tickTime)
	// After a long sleep of the machine every slot comes up once.
	for w.now = max(w.now, to-int64(len(w.slots))); w.now < to; {
		w.now++
		i := w.now % int64(len(w.slots))
		vs := w.slots[i]
		w.slots[i] = nil // its memory is not kept for the next turn
		for _, v := range vs {
			due(v, w.now)
		}
	}
}
