package web

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"maillab/internal/control"
	"maillab/internal/recording"
	"maillab/internal/web/terminal"
)

// recordingsOf asks a seat's sandbox as the controller does.
func (c *class) recordingsOf(t *testing.T, seat int, student string) []recording.Kept {
	t.Helper()
	answer := httptest.NewRecorder()
	c.Control(control.Target{Seat: seat}).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/v1/recordings?student="+student, nil))
	return decode[[]recording.Kept](t, answer.Body.String())
}

// TestTerminalIsRecorded: what a terminal showed is kept by the student's own sandbox, without the password that POP3 echoes;
// the page says so, and other students do not get it.
func TestTerminalIsRecorded(t *testing.T) {
	c := newClass(t, "amiens-smtp-pop-imap", "alice", "bruno")
	v := c.browser()
	v.login("alice", "master2021")
	page, token := v.home()
	if !strings.Contains(page, "● ") {
		t.Error("nobody is told of it")
	}
	here, _ := url.Parse(c.address)
	conn, _, err := websocket.Dial(t.Context(), c.address+"terminal?tab=1&cols=80&rows=24", &websocket.DialOptions{HTTPClient: v.client, HTTPHeader: http.Header{"Origin": {"http://" + here.Host}}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.CloseNow() }()
	conn.SetReadLimit(4 << 20)
	screen := func(want string) {
		t.Helper()
		seen := ""
		for !strings.Contains(seen, want) {
			_, text, err := conn.Read(t.Context())
			if err != nil {
				t.Fatalf("waiting for %q: %v; the last frame: %s", want, err, seen)
			}
			seen = string(text)
		}
	}
	for _, step := range [][2]string{{"telnet localhost 110\r", "+OK"}, {"user util1\r", "+OK"}, {"pass master2021\r", "logged in"}, {"quit\r", "closed"}} {
		keys, _ := json.Marshal(map[string]string{"keys": step[0]})
		if err := conn.Write(t.Context(), websocket.MessageText, keys); err != nil {
			t.Fatal(err)
		}
		screen(step[1])
	}
	v.do("POST", "logout", url.Values{"token": {token}}) // ends the terminal
	var kept []recording.Kept
	for len(kept) == 0 {
		if kept = c.recordingsOf(t, 1, "alice"); len(kept) == 0 {
			time.Sleep(10 * time.Millisecond)
		}
	}
	var out bytes.Buffer
	answer := httptest.NewRecorder()
	c.Control(control.Target{Seat: 1}).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/v1/recording?student=alice&id="+kept[0].ID, nil))
	err = recording.Read(answer.Body, func(recording.Header) error { return nil }, func(e recording.Event) error {
		_, err := io.WriteString(&out, e.Data)
		return err
	})
	if err != nil || !strings.Contains(out.String(), "pass **********") || strings.Contains(out.String(), "master2021") {
		t.Errorf("%v: %q", err, out.String())
	}
	bruno := c.browser()
	bruno.login("bruno", "master2021")
	if len(c.recordingsOf(t, 2, "bruno")) != 0 {
		t.Error("bruno has been recorded")
	}
}

// slow is a program that shows much.
type slow struct{ left int }

func (s *slow) Read(p []byte) (int, error) {
	if s.left--; s.left < 0 {
		return 0, io.EOF
	}
	return copy(p, "x"), nil
}
func (*slow) Write(p []byte) (int, error) { return len(p), nil }
func (*slow) Close() error                { return nil }
func (*slow) Resize(int, int) error       { return nil }

// TestRecordingHoldsNobodyUp: a sandbox that takes nothing does not keep a terminal from showing; what is missing is marked.
func TestRecordingHoldsNobodyUp(t *testing.T) {
	r := &recorded{Program: &slow{left: 3 * waiting}, events: make(chan func(*recording.Writer) error, waiting)}
	if n, err := io.Copy(io.Discard, r); n != 3*waiting || err != nil {
		t.Fatal(n, err)
	}
	if err := r.Resize(80, 24); err != nil { // after the end
		t.Fatal(err)
	}
	r = &recorded{Program: &slow{left: 1}, events: make(chan func(*recording.Writer) error, 2)}
	for range 3 {
		r.keep(func(w *recording.Writer) error { return w.Output([]byte("a")) })
	}
	<-r.events
	r.keep(func(w *recording.Writer) error { return w.Output([]byte("b")) })
	r.end()
	var out bytes.Buffer
	if err := r.run(&out, recording.Header{}, New(Config{})); err != nil || !strings.Contains(out.String(), `"m","something is missing here"`) {
		t.Errorf("%v %s", err, out.String())
	}
	var _ terminal.Program = r
}
