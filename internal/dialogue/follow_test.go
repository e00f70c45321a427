package dialogue

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// followed waits until somebody follows.
func (d *desk) followed() {
	for !d.followers.any() {
		runtime.Gosched()
	}
}

func TestFollow(t *testing.T) {
	d := newDesk(t, Config{})
	ctx, cancel := context.WithCancel(t.Context())
	events := make(chan Event)
	done := make(chan error)
	go func() {
		done <- d.Follow(ctx, func(e Event) error { events <- e; return nil })
	}()
	d.followed()
	r := d.Begin("pop3", "p", "", 1)
	go func() {
		r.Client("user util1")
		r.Account("util1")
		r.Server("+OK")
		r.Data(12)
		r.Close()
	}()
	var got []string
	for range 6 {
		e := <-events
		got = append(got, fmt.Sprintf("%s %s %q %d %v", e.Line.Kind, e.Line.From, e.Line.Text, e.Line.Bytes, e.Accounts))
	}
	if diff := cmp.Diff([]string{
		`begin  "" 0 []`, `command client "user util1" 0 []`, `login server "util1" 0 [util1]`,
		`reply server "+OK" 0 [util1]`, `data server "" 12 [util1]`, `end  "" 0 [util1]`,
	}, got); diff != "" {
		t.Error(diff)
	}
	cancel()
	if err := <-done; err != nil || d.followers.any() {
		t.Error(err, d.followers.any())
	}
}

func TestFollowEnds(t *testing.T) {
	d := newDesk(t, Config{})
	f := d.followers.join()
	for i := range backlog + 3 {
		d.followers.send(Event{ID: fmt.Sprint(i)})
	}
	<-f.events
	d.followers.send(Event{ID: "late"})
	var last Event
	for range backlog {
		last = <-f.events
	}
	if last.ID != "late" || last.Lost != 3 {
		t.Errorf("%+v", last)
	}
	d.Close()
	if _, open := <-f.events; open {
		t.Error("not ended by Close")
	}
	if err := d.Follow(t.Context(), nil); err != nil {
		t.Error(err)
	}

	d = newDesk(t, Config{})
	stop := errors.New("client gone")
	done := make(chan error)
	go func() { done <- d.Follow(t.Context(), func(Event) error { return stop }) }()
	d.followed()
	d.say("smtp", "", "helo", 1)
	if err := <-done; !errors.Is(err, stop) {
		t.Error(err)
	}
}
