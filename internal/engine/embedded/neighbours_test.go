package embedded

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/smtp"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"maillab/internal/between"
	"maillab/internal/control"
	"maillab/internal/engine"
	"maillab/internal/gateway"
	"maillab/internal/spec"
)

// neighbourhood is a process with seats of their own domains.
func neighbourhood(t *testing.T, names ...string) *process {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	p := &process{ctx: t.Context(), stop: func() {}, data: t.TempDir(), labels: map[string]string{}, log: log, seats: map[int]*seat{}}
	p.gateway = gateway.New(t.Context(), p, "", log)
	t.Cleanup(p.close)
	var doors control.Doors
	for i, name := range names {
		seat, domain := i+1, name+".lab"
		doors.Sandboxes = append(doors.Sandboxes, control.Target{Seat: seat, Domain: domain})
		if err := p.put(engine.Resource{Seat: seat}); err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(spec.Sandbox{
			Version: spec.Version, Seat: seat, Hostname: "mx." + domain, Domain: domain, Locals: []string{domain, "mx." + domain}, Timezone: "UTC", TLS: "off",
			Accounts: []spec.Account{{Name: name, Student: name}}, Services: spec.Services{SMTP: &spec.SMTP{Auth: "none", Relay: "reject", BareLF: "accept"}},
			Between: &spec.Between{Parent: "lab", Address: between.Address(seat).String(), Owner: name},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := (host{p.seat(seat)}).Configure(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	p.gateway.Open(doors)
	return p
}

// TestNeighbours: in one process, too, each student has a domain, and mail finds its way.
func TestNeighbours(t *testing.T) {
	p := neighbourhood(t, "alice", "bob")
	conn, who, err := p.askFor(2)(t.Context(), "alice.lab", between.SMTP)
	if err != nil || who.Domain != "alice.lab" || who.Address.String() != "198.18.0.1" {
		t.Fatalf("alice is %v, %v", who, err)
	}
	if err := between.Taken(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
	client, err := smtp.NewClient(conn, "mx.alice.lab")
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := errors.Join(client.Mail("bob@bob.lab"), client.Rcpt("alice@alice.lab")); err != nil {
		t.Fatal(err)
	}
	w, err := client.Data()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("Subject: hello\r\n\r\nhello\r\n")); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	box, err := os.ReadFile(filepath.Join(p.data, "1", "users", "spool", "alice"))
	if err != nil || !strings.Contains(string(box), "(mx.bob.lab [198.18.0.2])") {
		t.Errorf("alice has %q, %v", box, err)
	}
	for what, test := range map[string]struct {
		asker       int
		to, service string
		want        error
	}{
		"a domain that nobody has":      {1, "carol.lab", between.SMTP, between.ErrNobody},
		"a service that does not pass":  {1, "bob.lab", "pop3", syscall.ECONNREFUSED},
		"a seat without a domain":       {3, "bob.lab", between.SMTP, between.ErrNobody},
		"who it is, from such a seat":   {3, "198.18.0.2", "", between.ErrNobody},
		"an address outside of the lab": {1, "192.0.2.1", between.SMTP, between.ErrNobody},
	} {
		if conn, _, err := p.askFor(test.asker)(t.Context(), test.to, test.service); conn != nil || !errors.Is(err, test.want) {
			t.Errorf("%s: %v, %v", what, conn, err)
		}
	}
	if err := p.remove(1); err != nil {
		t.Fatal(err)
	}
	_, _, err = p.askFor(2)(t.Context(), "alice.lab", between.SMTP)
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("one that was removed: %v", err)
	}
}

// TestStoppedNeighbour: mail for a server that its student has stopped waits at the sender's, whose log says why in Postfix's words, and
// comes when it is started again. Each stops the own: that is asked of one's own sandbox, in which nobody else is.
func TestStoppedNeighbour(t *testing.T) {
	p := neighbourhood(t, "alice", "bob")
	turn := func(run, student string, want int) {
		t.Helper()
		r := httptest.NewRequest(http.MethodPost, "/v1/lab/server?student="+student, strings.NewReader(`{"run":`+run+`}`))
		w := httptest.NewRecorder()
		if p.seat(2).ServeHTTP(w, r); w.Code != want {
			t.Fatalf("run %s of %s: %d %s", run, student, w.Code, w.Body)
		}
	}
	turn("false", "alice", http.StatusNotFound)
	turn("false", "bob", http.StatusOK)
	here, there := net.Pipe()
	go p.seat(1).serve("smtp", there, false)
	client, err := smtp.NewClient(here, "mx.alice.lab")
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := errors.Join(client.Mail("alice@alice.lab"), client.Rcpt("bob@bob.lab")); err != nil {
		t.Fatal(err)
	}
	w, err := client.Data()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("Subject: later\r\n\r\nhello\r\n")); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	logged := func(seat int, text string) {
		t.Helper()
		file := filepath.Join(p.data, strconv.Itoa(seat), "mail.log")
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
			if log, _ := os.ReadFile(file); strings.Contains(string(log), text) {
				return
			} else if time.Now().After(deadline) {
				t.Fatalf("never logged %q:\n%s", text, log)
			}
		}
	}
	logged(1, "to=<bob@bob.lab>, relay=none, ")
	logged(1, "dsn=4.4.1, status=deferred (connect to mx.bob.lab[198.18.0.2]:25: Connection refused)")
	turn("true", "bob", http.StatusOK)
	if id, err := client.Text.Cmd("ETRN bob.lab"); err != nil {
		t.Fatal(id, err)
	}
	if _, text, err := client.Text.ReadResponse(250); err != nil {
		t.Fatal(text, err)
	}
	logged(1, "to=<bob@bob.lab>, relay=mx.bob.lab[198.18.0.2]:25, ")
	logged(2, "client=mx.alice.lab[198.18.0.1]")
}
