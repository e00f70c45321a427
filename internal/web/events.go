package web

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// eventStream is an answer that goes on: text/event-stream (HTML, server-sent events).
type eventStream struct {
	w http.ResponseWriter
	c *http.ResponseController
}

func newEvents(w http.ResponseWriter) *eventStream {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would keep it
	return &eventStream{w, http.NewResponseController(w)}
}

// send tells whether somebody still listens.
func (e *eventStream) send(event, data string) bool {
	_, err := fmt.Fprintf(e.w, "event: %s\ndata: %s\n\n", event, strings.ReplaceAll(data, "\n", "\ndata: "))
	return err == nil && e.c.Flush() == nil
}

// beat is a line that means nothing.
func (e *eventStream) beat() bool {
	_, err := fmt.Fprint(e.w, ":\n\n")
	return err == nil && e.c.Flush() == nil
}

// heartbeat keeps proxies from closing what says nothing.
const heartbeat = 20 * time.Second

// pushing brings an event to a browser; its error says that nobody listens any more.
type pushing func(event, data string) error

// streams pushes to a browser what several follow side by side, and meanwhile that it lives, until the browser goes. Where one of
// them ends all do, and the browser comes again.
func (p *Page) streams(w http.ResponseWriter, r *http.Request, all ...func(ctx context.Context, push pushing) error) {
	out := newEvents(w)
	if !out.send("boot", p.boot) {
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	type change struct{ event, data string }
	changes := make(chan change)
	push := func(event, data string) error {
		select {
		case changes <- change{event, data}:
		case <-ctx.Done():
		}
		return ctx.Err()
	}
	for _, follow := range all {
		go func() {
			defer cancel()
			_ = follow(ctx, push)
		}()
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-beat.C:
			if !out.beat() {
				return
			}
		case one := <-changes:
			if !out.send(one.event, one.data) {
				return
			}
		}
	}
}
