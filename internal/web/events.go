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

// pump sends what comes, and meanwhile that it lives, until ctx ends, nothing more comes, or send tells that nobody listens.
func pump[V any](ctx context.Context, out *eventStream, coming <-chan V, send func(V) bool) {
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
		case v, more := <-coming:
			if !more || !send(v) {
				return
			}
		}
	}
}
