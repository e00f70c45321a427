package grading

import (
	"context"
	"io"
	"testing"
	"time"

	"maillab/internal/lab/task"
	"maillab/internal/mail"
	"maillab/internal/mail/queue"
	"maillab/internal/spec"
)

// post is a queue in which everything waits.
type post struct{ waiting []queue.Item }

func (*post) NewID() string                  { return "4bXyz" }
func (*post) Complete(address string) string { return address }
func (p *post) List() []queue.Item           { return p.waiting }
func (p *post) Accept(_ context.Context, e *mail.Envelope, _ io.Reader) error {
	p.waiting = append(p.waiting, queue.Item{ID: e.ID, Name: e.Name()})
	return nil
}

// TestFixturesStayAtHome: a check sends to the student's own addresses only, and what nobody took is thrown away
// afterwards: it must not come when the student's server is tried next.
func TestFixturesStayAtHome(t *testing.T) {
	waiting := &post{}
	r := runs{&Grading{cfg: Config{Now: time.Now, Post: waiting, Fixtures: NewFixtures(), Spec: spec.Sandbox{Locals: []string{"test"}, Aliases: map[string]string{"me": "util1"},
		Routes: []spec.Route{{To: "list@test", Via: "127.0.0.1:1", Account: "util1"}}},
		Unqueue: func(which func(*mail.Envelope) bool) error {
			if which(&mail.Envelope{ID: "4bXyz"}) && !which(&mail.Envelope{ID: "other"}) {
				waiting.waiting = nil
			}
			return nil
		}}}}
	for to, want := range map[string]bool{"util1@test": true, "me@test": true, "list@test": true, "util3@test": false, "somebody@elsewhere.org": false, "nobody@test": false} {
		if got := r.own(to, []string{"util1"}); got != want {
			t.Errorf("%s is util1's own: %v", to, got)
		}
	}
	if err := r.Send(t.Context(), "r", []string{"util3"}, task.Message{To: "list@test"}); err == nil || len(waiting.waiting) > 0 {
		t.Errorf("a check of util3's sends to util1's list: %v", err)
	}
	if err := r.Send(t.Context(), "r", []string{"util1"}, task.Message{To: "list@test"}); err != nil || len(waiting.waiting) != 1 || r.g.cfg.Fixtures.Of("4bXyz") != "r" {
		t.Errorf("what waits: %v, %v", waiting.waiting, err)
	}
	if err := r.Clean(t.Context(), "r", nil); err != nil || len(waiting.waiting) > 0 || r.g.cfg.Fixtures.Of("4bXyz") != "" {
		t.Errorf("what still waits: %v, %v", waiting.waiting, err)
	}
}
