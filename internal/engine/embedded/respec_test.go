package embedded

import (
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"maillab/internal/control"
	"maillab/internal/engine"
	"maillab/internal/mail/auth"
	"maillab/internal/spec"
)

// told is a seat that knows what it is, and what it was told.
func told(t *testing.T) (s *seat, text []byte) {
	t.Helper()
	hash, err := auth.Hash("secret")
	if err != nil {
		t.Fatal(err)
	}
	text, err = json.Marshal(spec.Sandbox{
		Version: spec.Version, Hostname: "mail.example", Domain: "example", Locals: []string{"example"}, Timezone: "UTC", TLS: "off",
		Accounts: []spec.Account{{Name: "ann", Student: "ann", PasswordHash: hash}},
		Services: spec.Services{SMTP: &spec.SMTP{Auth: "none", Relay: "reject", BareLF: "accept"}, POP3: &spec.POP3{Wording: "dovecot"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err = newSeat(t.Context(), engine.Resource{Seat: 1}, t.TempDir(), nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	if err := (host{s}).Configure(t.Context(), text); err != nil {
		t.Fatal(err)
	}
	return s, text
}

// send sends messages over one connection until it ends, and counts those that were acknowledged.
func send(s *seat, acknowledged *atomic.Int64, enough <-chan struct{}) {
	here, there := net.Pipe()
	go s.serve("smtp", there, false)
	defer here.Close()
	conn := textproto.NewConn(here)
	say := func(line string, code int) bool {
		if line != "" && conn.PrintfLine("%s", line) != nil {
			return false
		}
		_, _, err := conn.ReadResponse(code)
		return err == nil
	}
	if !say("", 220) || !say("HELO x", 250) {
		return
	}
	for {
		select {
		case <-enough:
			return
		default:
		}
		if !say("MAIL FROM:<x@elsewhere.org>", 250) || !say("RCPT TO:<ann@example>", 250) || !say("DATA", 354) || !say("Subject: x\r\n\r\nhello\r\n.", 250) {
			return
		}
		acknowledged.Add(1)
	}
}

// TestRespecUnderMail: a seat that is told its spec again and again while mail comes never has two daemons on one queue:
// each change is made, and every message that was acknowledged is in its mailbox once.
func TestRespecUnderMail(t *testing.T) {
	s, text := told(t)
	var acknowledged atomic.Int64
	enough := make(chan struct{})
	var senders sync.WaitGroup
	for range 8 {
		senders.Go(func() {
			for {
				select {
				case <-enough:
					return
				default:
					send(s, &acknowledged, enough)
				}
			}
		})
	}
	for n := range 12 {
		before := acknowledged.Load()
		for deadline := time.Now().Add(time.Minute); acknowledged.Load() == before; time.Sleep(time.Millisecond) { // mail flows
			if time.Now().After(deadline) {
				close(enough)
				t.Fatalf("after %d changes no mail is taken any more", n)
			}
		}
		if err := (host{s}).Configure(t.Context(), text); err != nil {
			t.Errorf("change %d: %v", n, err)
			break
		}
	}
	close(enough)
	senders.Wait()
	if err := (host{s}).Configure(t.Context(), text); err != nil { // and the last of the mail is where it belongs
		t.Fatal(err)
	}
	box, err := os.ReadFile(filepath.Join(s.dir, "users", "spool", "ann"))
	if err != nil {
		t.Fatal(err)
	}
	if n := int64(strings.Count(string(box), "\nSubject: x\n")); n < acknowledged.Load() || n > acknowledged.Load()+12*8 {
		t.Errorf("%d messages were acknowledged, %d are there", acknowledged.Load(), n)
	}
}

// TestRespecWaits: the next daemon begins when the last connection and request of the one before it are gone; who asks
// meanwhile is answered by the next one.
func TestRespecWaits(t *testing.T) {
	s, text := told(t)
	here, there := net.Pipe()
	go s.serve("pop3", there, false)
	conn := textproto.NewConn(here)
	if line, err := conn.ReadLine(); err != nil || !strings.HasPrefix(line, "+OK") {
		t.Fatal(line, err)
	}
	server := httptest.NewServer(s)
	defer server.Close()
	followed, err := http.Get(server.URL + "/v1/dialogues?student=ann&follow=1") // it has begun
	if err != nil {
		t.Fatal(err)
	}
	defer followed.Body.Close()
	l, leave, ok := s.enter(t.Context(), true)
	if !ok {
		t.Fatal("nobody is there")
	}
	changed := make(chan error)
	go func() { changed <- (host{s}).Configure(t.Context(), text) }()
	if _, err := io.Copy(io.Discard, here); err != nil { // the connection is ended
		t.Error(err)
	}
	if _, err := io.Copy(io.Discard, followed.Body); err != nil { // and the request
		t.Error(err)
	}
	asked := make(chan control.Ready)
	go func() {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("GET", "/v1/ready", nil))
		var ready control.Ready
		_ = json.Unmarshal(w.Body.Bytes(), &ready)
		asked <- ready
	}()
	<-l.ctx.Done()
	select {
	case err := <-changed:
		t.Fatal("the next daemon began while somebody was with the last:", err)
	case ready := <-asked:
		t.Fatalf("answered while there was no daemon: %+v", ready)
	default:
	}
	leave()
	if err := <-changed; err != nil {
		t.Error(err)
	}
	if ready := <-asked; ready.State == control.Unconfigured || ready.State == "" {
		t.Errorf("%+v", ready)
	}
}

// TestBadSpec: a seat that was told nonsense says so, and can be told better.
func TestBadSpec(t *testing.T) {
	s, text := told(t)
	put := func(body string) int {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("PUT", "/v1/spec", strings.NewReader(body)))
		return w.Code
	}
	if code := put(`{"timezone":"nowhere"}`); code != 500 {
		t.Error(code)
	}
	if code := put(string(text)); code != 200 {
		t.Error(code)
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
	if code := put(string(text)); code != 502 {
		t.Errorf("a seat that is gone answers %d", code)
	}
}
