package worksheet

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"maillab/internal/lab/task"
)

// Server is a student's mail server as it is now.
type Server struct {
	Running bool `json:"running"`
	Waiting int  `json:"waiting"` // messages in its queue
}

// ErrNoServer is a Desk's where the mail server is not the student's to stop.
var ErrNoServer = errors.New("in this lab the mail server cannot be stopped")

// serverWords are what follows lab server.
func serverWords() []string { return []string{"stop", "start", "status"} }

// mailServer is a server, in the language of whoever calls.
type mailServer struct {
	Lang string `json:"lang"`
	Server
}

func (s server) server(r *http.Request, who Student) (mailServer, error) {
	var request struct {
		Run *bool `json:"run"`
	}
	if r.Method == http.MethodPost {
		if err := read(r, &request); err != nil {
			return mailServer{}, err
		}
	}
	state, err := s.desk.Server(request.Run)
	return mailServer{who.Lang, state}, err
}

// server stops the student's mail server, starts it, or tells how it is.
func (c *command) server(ctx context.Context, what string) (int, error) {
	method, body := http.MethodPost, map[string]bool{"run": what == "start"}
	if what == "status" {
		method, body = http.MethodGet, nil
	}
	var s mailServer
	if err := c.request(ctx, method, "/v1/lab/server", body, &s); err != nil {
		return ExitFailed, err
	}
	state := task.Text{
		"fr": "votre serveur de mail est arrêté : personne ne l'atteint, ce qui lui est destiné attend ; lab server start le redémarre",
		"en": "your mail server is stopped: nobody reaches it, what is meant for it waits; lab server start starts it again",
	}
	if s.Running {
		state = task.Text{"fr": "votre serveur de mail marche", "en": "your mail server runs"}
	}
	fmt.Fprintln(c.Out, state.In(s.Lang))
	if s.Waiting > 0 {
		fmt.Fprintf(c.Out, task.Text{"fr": "en attente dans sa file : %d (mailq)\n", "en": "waiting in its queue: %d (mailq)\n"}.In(s.Lang), s.Waiting)
	}
	return ExitDone, nil
}
