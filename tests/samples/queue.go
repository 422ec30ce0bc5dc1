// Package relay forwards events to subscribers that may be slow, absent or wrong.
package relay

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// ErrPoison is wrapped by a subscriber's error to say that the event will never be taken.
var ErrPoison = errors.New("relay: poison event")

// Class orders events: a lower class is forwarded first.
type Class int

const (
	Alarm Class = iota
	Notice
	Chatter
)

// Event is one thing to forward before its deadline.
type Event[T any] struct {
	Topic    string
	Data     T
	Class    Class
	Deadline time.Time

	due   time.Time
	tries int
}

// Corpse is an event that was given up, with the last error.
type Corpse[T any] struct {
	Event[T]
	Err error
}

type byDue[T any] []*Event[T]

func (q byDue[T]) Len() int { return len(q) }
func (q byDue[T]) Less(i, j int) bool {
	return q[i].due.Before(q[j].due) || q[i].due.Equal(q[j].due) && q[i].Class < q[j].Class
}
func (q byDue[T]) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *byDue[T]) Push(x any)   { *q = append(*q, x.(*Event[T])) }
func (q *byDue[T]) Pop() any {
	old := *q
	last := old[len(old)-1]
	*q = old[:len(old)-1]
	return last
}

// Relay holds events until Forward passes them on; read its results once Forward has returned.
type Relay[T any] struct {
	MaxTries      int
	Sent, Retried int
	Corpses       []Corpse[T]
	incoming      chan *Event[T]
}

// New returns a relay that buffers up to size events before Publish blocks.
func New[T any](size int) *Relay[T] {
	return &Relay[T]{MaxTries: 7, incoming: make(chan *Event[T], size)}
}

// Publish queues an event; it blocks while the buffer is full.
func (r *Relay[T]) Publish(e Event[T]) { e.due = time.Now(); r.incoming <- &e }

func (r *Relay[T]) bury(e *Event[T], err error) {
	r.Corpses = append(r.Corpses, Corpse[T]{*e, err})
}

// Forward passes events to deliver, one at a time, until ctx is done, and returns its error.
func (r *Relay[T]) Forward(ctx context.Context, deliver func(context.Context, Event[T]) error) error {
	var waiting byDue[T]
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		if len(waiting) > 0 {
			timer.Reset(time.Until(waiting[0].due))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("relay: %d events left, さようなら: %w", len(waiting), ctx.Err())
		case e := <-r.incoming:
			heap.Push(&waiting, e)
			continue
		case <-timer.C:
		}
		if len(waiting) == 0 {
			timer.Reset(time.Hour)
			continue
		}
		e := heap.Pop(&waiting).(*Event[T])
		attempt, cancel := context.WithDeadline(ctx, e.Deadline)
		err := attempt.Err()
		if err == nil {
			err = deliver(attempt, *e)
		}
		cancel()
		e.tries++
		switch {
		case err == nil:
			r.Sent++
		case errors.Is(err, ErrPoison), time.Now().After(e.Deadline):
			r.bury(e, err)
		case e.tries >= r.MaxTries:
			r.bury(e, fmt.Errorf("after %d tries: %w", e.tries, err))
		default:
			base := 20 * time.Millisecond << e.tries
			e.due = time.Now().Add(base + rand.N(base/2))
			heap.Push(&waiting, e)
			r.Retried++
		}
	}
}
