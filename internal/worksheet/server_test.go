package worksheet

import (
	"bytes"
	"strings"
	"testing"
)

// Server implements Desk. A server that nobody may stop has no state.
func (d *desk) Server(run *bool) (Server, error) {
	if d.mailServer == nil {
		return Server{}, ErrNoServer
	}
	if run != nil {
		d.mailServer.Running = *run
	}
	return *d.mailServer, nil
}

// TestServer: a student stops the own mail server and starts it again, is told how it is, and where that cannot be.
func TestServer(t *testing.T) {
	for _, lang := range []string{"fr", "en"} {
		var all bytes.Buffer
		own := &Server{Running: true}
		for _, c := range []struct {
			args   string
			server *Server
			code   int
		}{
			{"server status", own, 0}, {"server stop", own, 0}, {"server status", own, 0}, {"server start", own, 0}, {"server status", &Server{Waiting: 3}, 0},
			{"server stop", nil, 1}, {"server", own, 2}, {"server restart", own, 2}, {"server stop bob", own, 2},
		} {
			socket := serve(t, &desk{who: Student{"alice", lang}, mailServer: c.server})
			var out, errs bytes.Buffer
			env := Env{Out: &out, Err: &errs, Getenv: func(name string) string {
				return map[string]string{"MAILLAB_SOCKET": socket, "LANG": lang + "_XX.UTF-8"}[name]
			}}
			if code := Main(t.Context(), strings.Fields(c.args), env); code != c.code {
				t.Errorf("lab %s: exit code %d, want %d", c.args, code, c.code)
			}
			all.WriteString("$ lab " + c.args + "\n" + out.String() + errs.String())
		}
		golden(t, "server."+lang+".txt", all.String())
	}
}
