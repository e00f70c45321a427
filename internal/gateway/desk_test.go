package gateway

import (
	"bufio"
	"context"
	"errors"

	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"maillab/internal/control"
	"maillab/internal/handoff"
)

// page is a gateway that has one, and a client of its desk with a role.
func page(t *testing.T, role string) (*Gateway, *control.Client) {
	t.Helper()
	g := New(t.Context(), fake{}, "", slog.New(slog.DiscardHandler))
	t.Cleanup(g.Close)
	g.Open(control.Doors{Web: &control.Target{Seat: control.WebSeat}, Sandboxes: []control.Target{{Seat: 1, Students: []string{"alice"}}, {Seat: 2}}})
	return g, deskOf(t, g, role)
}

func deskOf(t *testing.T, g *Gateway, role string) *control.Client {
	t.Helper()
	c := control.NewClient(func(ctx context.Context) (net.Conn, error) { return g.Reach(ctx, handoff.Reach{Service: handoff.Desk}) })
	t.Cleanup(c.Close)
	return c.With(http.Header{control.RoleHeader: {role}})
}

// TestDesk: the page learns who has which seat; a code is good once; only a role opens a sandbox's control, and not all of it.
func TestDesk(t *testing.T) {
	g, desk := page(t, "forged")
	seats, err := desk.Class(t.Context())
	if err != nil || len(seats) != 2 || seats[0].Students[0] != "alice" {
		t.Fatal(seats, err)
	}
	refused := func(err error, status int) bool {
		var told *control.Error
		return errors.As(err, &told) && told.Status == status
	}
	if _, err := desk.Seat(1).Status(t.Context()); !refused(err, http.StatusUnauthorized) {
		t.Errorf("a forged role: %v", err)
	}
	code := control.Code{Code: g.desk.put(g.desk.codes, codeLife)}
	role, err := desk.Roles(t.Context(), code)
	if err != nil || role.Role == "" {
		t.Fatal(role, err)
	}
	for _, spent := range []control.Code{code, {}, {Code: role.Role}} {
		if _, err := desk.Roles(t.Context(), spent); !refused(err, http.StatusForbidden) {
			t.Errorf("a code that is none: %v", err)
		}
	}
	teacher := deskOf(t, g, role.Role)
	if _, err := teacher.Seat(2).Status(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := teacher.Seat(3).Status(t.Context()); !refused(err, http.StatusNotFound) {
		t.Errorf("no such seat: %v", err)
	}
	for what, err := range map[string]error{
		"a spec":     teacher.Seat(1).PutSpec(t.Context(), struct{}{}),
		"an SSH key": teacher.Seat(1).Authorize(t.Context(), control.Authorize{}),
		"doors":      teacher.PutDoors(t.Context(), control.Doors{}),
	} {
		if err == nil {
			t.Errorf("the page changes %s", what)
		}
	}
	g.desk.mu.Lock()
	for r := range g.desk.roles {
		g.desk.roles[r] = g.desk.roles[r].Add(-roleLife)
	}
	g.desk.mu.Unlock()
	if _, err := teacher.Seat(1).Status(t.Context()); !refused(err, http.StatusUnauthorized) {
		t.Errorf("a role that has lapsed: %v", err)
	}
}

// TestReach: services of a sandbox, and never control.
func TestReach(t *testing.T) {
	g, _ := page(t, "")
	conn, err := g.Reach(t.Context(), handoff.Reach{Seat: 2, Service: "smtp"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || strings.TrimSpace(line) != "2 smtp" {
		t.Error(line, err)
	}
	for _, what := range []handoff.Reach{{Seat: 1, Service: handoff.Control}, {Seat: 1, Service: handoff.Web}, {Seat: 1}, {Seat: 9, Service: "smtp"}, {Seat: control.WebSeat, Service: "smtp"}} {
		if conn, err := g.Reach(t.Context(), what); err == nil {
			conn.Close()
			t.Errorf("%+v is reached", what)
		}
	}
}

// TestCodes: the controller gets codes, of a class that has a page.
func TestCodes(t *testing.T) {
	client := start(t, "")
	if _, err := client.Codes(t.Context()); err == nil {
		t.Error("a code for a page that is not there")
	}
	door := free(t)
	doors := control.Doors{Web: &control.Target{Seat: control.WebSeat, Doors: []control.Door{{Service: "web", Listen: door}}}}
	if err := client.PutDoors(t.Context(), doors); err != nil {
		t.Fatal(err)
	}
	if code, err := client.Codes(t.Context()); err != nil || code.Code == "" {
		t.Error(code, err)
	}
	if got := greeting(t, door); got != "-1 web" {
		t.Errorf("the page's door leads to %q", got)
	}
	in, err := client.Doors(t.Context())
	if err != nil || in.Web == nil || len(in.Web.Doors) != 1 {
		t.Errorf("in force: %+v, %v", in, err)
	}
}
