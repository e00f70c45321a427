package web

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
)

// notices are what teachers told students, each student's last one, until the student has put it away. They are shown on the
// student's page at once; the same has come as mail.
type notices struct {
	changed changes

	mu  sync.Mutex
	all map[personal]notice
}

// notice is one.
type notice struct {
	ID   string `json:"id"`
	Text string `json:"text"` // "": there is none
}

// put shows one in place of the last.
func (n *notices) put(whom personal, text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.all == nil {
		n.all = map[personal]notice{}
	}
	n.all[whom] = notice{newSecret(), text}
	n.changed.tell()
}

// away puts a student's away, unless it is another by now.
func (n *notices) away(whom personal, id string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.all[whom].ID == id {
		delete(n.all, whom)
		n.changed.tell()
	}
}

// of is a student's, and what is closed at the next change of anybody's.
func (n *notices) of(whom personal) (notice, <-chan struct{}) {
	changed := n.changed.wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.all[whom], changed
}

// whom is the student of a session.
func (s *session) whom() personal { return personal{s.seat, s.me.Student} }

// noticed puts a notice away, as the student asks.
func (p *Page) noticed(w http.ResponseWriter, r *http.Request, s *session) {
	p.notices.away(s.whom(), r.PostFormValue("id"))
	if r.Header.Get("X-Token") == "" {
		to(w, "./")
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// follow pushes a student's notice when there is another, or none any more, until ctx ends.
func (n *notices) follow(ctx context.Context, whom personal, push pushing) error {
	for last := (notice{}); ; {
		now, changed := n.of(whom)
		if now != last {
			text, _ := json.Marshal(now) // plain data
			if err := push("notice", string(text)); err != nil {
				return err
			}
			last = now
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}
