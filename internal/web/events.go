package web

import (
	"fmt"
	"net/http"
	"strings"
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
