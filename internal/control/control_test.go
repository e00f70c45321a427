package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/dialogue"
	"maillab/internal/progress"
	"maillab/internal/recording"
)

// backend can do everything. It remembers what it was asked, and answers with what it is told to.
type backend struct {
	mu    sync.Mutex
	asked []any
	fail  error
	ready []Ready // one after the other; the last stays
	half  bool    // streams break in the middle
}

// sandbox is a backend as all parts of one.
func sandbox(b *backend) Sandbox {
	return Sandbox{Host: b, Mail: b, Lessons: b, Copies: b, Checker: b, Records: b, Work: b, Screens: b}
}

func (b *backend) heard(what any) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked = append(b.asked, what)
	return b.fail
}

func (b *backend) Ready(context.Context) Ready {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.ready[0]
	b.ready = b.ready[min(1, len(b.ready)-1):]
	return r
}

func (b *backend) Accounts(context.Context) ([]Account, error) {
	return []Account{{Name: "util1", Messages: 2}}, b.heard("status")
}
func (b *backend) Changed(string) <-chan struct{} { return nil }

func (b *backend) Progress() []Progress {
	return []Progress{{Student: "alice", Count: progress.Count{Passed: 1, Marks: 1}, Total: 2}}
}
func (b *backend) Configure(_ context.Context, spec []byte) error { return b.heard(string(spec)) }
func (b *backend) Authorize(_ context.Context, a Authorize) error { return b.heard(a) }
func (b *backend) HostKey(context.Context) (string, error) {
	return "ssh-ed25519 AAAA", b.heard("hostkey")
}
func (b *backend) Stamp(context.Context) (string, error) { return "1", b.heard("stamp") }
func (b *backend) Moving(context.Context) error          { return b.heard("moving") }
func (b *backend) Send(_ context.Context, s Send) error  { return b.heard(s) }
func (b *backend) SetPassword(_ context.Context, p Password) error {
	return b.heard(p)
}
func (b *backend) Extend(_ context.Context, e Extension) error { return b.heard(e) }
func (b *backend) Adopt(_ context.Context, work map[string]progress.History) ([]string, error) {
	return []string{"alice"}, b.heard(len(work["alice"]))
}
func (b *backend) Mark(_ context.Context, m Mark) (*progress.Mark, error) {
	return &progress.Mark{Share: 0.5}, b.heard(m)
}
func (b *backend) Tell(_ context.Context, n Note) error { return b.heard(n) }
func (b *backend) Copy(_ context.Context, of CopyOf) (Copy, error) {
	return Copy{ID: "7", Student: of.Student}, b.heard(of)
}
func (b *backend) Copies(student string) ([]Copy, error) {
	return []Copy{{ID: "7", Student: student}}, b.heard("copies of " + student)
}
func (b *backend) PutBack(_ context.Context, of CopyOf) (ResetReport, error) {
	return ResetReport{Epoch: 9}, b.heard(of)
}
func (b *backend) Reset(_ context.Context, r Reset) (ResetReport, error) {
	return ResetReport{Epoch: 7, Sessions: 1}, b.heard(r)
}
func (b *backend) Check(_ context.Context, r CheckRequest) ([]CheckedStudent, error) {
	return []CheckedStudent{{Student: "alice"}}, b.heard(r)
}
func (b *backend) Worksheet(student string) (http.Handler, error) {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, student+" asks for "+r.URL.Path)
	}), b.heard("worksheet of " + student)
}
func (b *backend) Activity(context.Context) ([]Activity, error) {
	return []Activity{{Student: "alice", Service: "smtp"}}, b.heard("activity")
}
func (b *backend) Dialogues(_ context.Context, student string, emit func(dialogue.Dialogue) error) error {
	return errors.Join(b.heard("dialogues of "+student), emit(dialogue.Dialogue{ID: "7"}), emit(dialogue.Dialogue{ID: "8"}))
}
func (b *backend) Dialogue(_ context.Context, student, id string) (dialogue.Dialogue, error) {
	return dialogue.Dialogue{ID: id}, b.heard("dialogue " + id + " of " + student)
}
func (b *backend) Messages(_ context.Context, student string, emit func(Message) error) error {
	return errors.Join(b.heard("messages of "+student), emit(Message{ID: "4bX"}))
}
func (b *backend) Message(_ context.Context, student, id string) (Message, error) {
	return Message{ID: id, Text: []byte("x")}, b.heard("message " + id + " of " + student)
}
func (b *backend) Take(_ context.Context, student string, in io.Reader) error {
	text, err := io.ReadAll(in)
	return errors.Join(err, b.heard(student+" records "+string(text)))
}
func (b *backend) List(student string) []recording.Kept {
	return []recording.Kept{{ID: "1", Student: student}}
}
func (b *backend) Read(student, id string, w io.Writer) error {
	_, err := io.WriteString(w, student+id)
	return errors.Join(err, b.heard("recording"))
}
func (b *backend) Follow(ctx context.Context, student string, emit func(dialogue.Event) error) error {
	if err := errors.Join(b.heard("follow "+student), emit(dialogue.Event{ID: "7"})); err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

// stream writes something, and breaks when told to.
func (b *backend) stream(w io.Writer, what any) error {
	if err := b.heard(what); err != nil {
		return err
	}
	_, err := io.WriteString(w, "the beginning")
	if b.half {
		err = errors.New("the disk is gone")
	}
	return err
}
func (b *backend) Log(_ context.Context, w io.Writer, lines int, follow bool) error {
	return b.stream(w, fmt.Sprint("log ", lines, follow))
}
func (b *backend) Bundle(_ context.Context, student string, w io.Writer) error {
	return b.stream(w, "bundle of "+student)
}
func (b *backend) Save(_ context.Context, students []string, w io.Writer) error {
	return b.stream(w, fmt.Sprint("save ", students))
}
func (b *backend) Restore(_ context.Context, r Restore, from io.Reader) (ResetReport, error) {
	text, err := io.ReadAll(from)
	return ResetReport{Epoch: 8}, errors.Join(err, b.heard(r), b.heard(string(text)))
}

// once is a listener with one connection.
type once struct {
	conn      net.Conn
	done      chan struct{}
	give, end sync.Once
}

func (o *once) Accept() (conn net.Conn, err error) {
	o.give.Do(func() { conn = o.conn })
	if conn != nil {
		return conn, nil
	}
	<-o.done
	return nil, net.ErrClosed
}
func (o *once) Close() error {
	o.end.Do(func() { close(o.done) })
	return nil
}
func (o *once) Addr() net.Addr { return o.conn.LocalAddr() }

// connect is a client whose one stream, a pipe, leads to a handler; dials counts how often it was opened.
func connect(t *testing.T, h http.Handler) (c *Client, dials *int) {
	t.Helper()
	dials = new(int)
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Handler: h, Protocols: protocols, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	c = NewClient(func(context.Context) (net.Conn, error) {
		*dials++
		here, there := net.Pipe()
		go server.Serve(&once{conn: there, done: make(chan struct{})})
		return here, nil
	})
	t.Cleanup(func() { c.Close(); server.Close() })
	return c, dials
}

// TestThereAndBack: what a client asks arrives as it was said, and so does the answer; all on one stream.
func TestThereAndBack(t *testing.T) {
	b := &backend{ready: []Ready{{State: StateReady, Spec: "a1"}}}
	var host string
	var hosts sync.Mutex
	handler := Handler(sandbox(b), slog.New(slog.DiscardHandler))
	c, dials := connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hosts.Lock()
		host = r.Host
		hosts.Unlock()
		handler.ServeHTTP(w, r)
	}))
	ctx, given, stood := t.Context(), progress.Mark{Share: 1, Comment: "good"}, &progress.Mark{Share: 0.5}
	reset := Reset{Students: []string{"alice"}, Scope: "mail"}
	check := CheckRequest{Students: []string{"alice"}, Since: time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)}
	mark := Mark{Student: "alice", Task: "a", By: "prof", Mark: &given}
	for _, call := range []struct {
		name string
		do   func() (any, error)
		want any // the answer
		told []any
	}{
		{"ready", func() (any, error) { return c.Seat(3).Ready(ctx) }, Ready{State: StateReady, Spec: "a1"}, nil},
		{"status", func() (any, error) { return c.Seat(3).Status(ctx) }, Status{Ready: Ready{State: StateReady, Spec: "a1"},
			Accounts: []Account{{Name: "util1", Messages: 2}}, Tasks: []Progress{{Student: "alice", Count: progress.Count{Passed: 1, Marks: 1}, Total: 2}}}, []any{"status"}},
		{"spec", func() (any, error) { return nil, c.Seat(3).PutSpec(ctx, map[string]int{"version": 1}) }, nil, []any{`{"version":1}`}},
		{"authorize", func() (any, error) {
			return nil, c.Seat(3).Authorize(ctx, Authorize{Account: "util1", For: time.Minute})
		}, nil, []any{Authorize{Account: "util1", For: time.Minute}}},
		{"hostkey", func() (any, error) { return c.Seat(3).HostKey(ctx) }, "ssh-ed25519 AAAA", []any{"hostkey"}},
		{"moving", func() (any, error) { return nil, c.Seat(3).Moving(ctx) }, nil, []any{"moving"}},
		{"stamp", func() (any, error) { return c.Seat(3).Stamp(ctx) }, "1", []any{"stamp"}},
		{"send", func() (any, error) {
			return nil, c.Seat(3).Send(ctx, Send{To: []string{"util1"}, Raw: []byte("a\r\n\x00\xff")})
		}, nil, []any{Send{To: []string{"util1"}, Raw: []byte("a\r\n\x00\xff")}}},
		{"passwd", func() (any, error) { return nil, c.Seat(3).SetPassword(ctx, Password{"util1", "$y$"}) }, nil, []any{Password{"util1", "$y$"}}},
		{"reset", func() (any, error) { return c.Seat(3).Reset(ctx, reset) }, ResetReport{Epoch: 7, Sessions: 1}, []any{reset}},
		{"note", func() (any, error) { return nil, c.Seat(3).Tell(ctx, Note{"a&b", "é"}) }, nil, []any{Note{"a&b", "é"}}},
		{"copy", func() (any, error) { return c.Seat(3).Copy(ctx, "a&b") }, Copy{ID: "7", Student: "a&b"}, []any{CopyOf{Student: "a&b"}}},
		{"copies", func() (any, error) { return c.Seat(3).Copies(ctx, "a&b") }, []Copy{{ID: "7", Student: "a&b"}}, []any{"copies of a&b"}},
		{"put back", func() (any, error) { return c.Seat(3).PutBack(ctx, CopyOf{"a&b", "7"}) }, ResetReport{Epoch: 9}, []any{CopyOf{"a&b", "7"}}},
		{"restore", func() (any, error) {
			return c.Seat(3).Restore(ctx, Restore{Students: []string{"a&b", "c"}, Scope: "all"}, strings.NewReader("tar"))
		}, ResetReport{Epoch: 8}, []any{Restore{Students: []string{"a&b", "c"}, Scope: "all"}, "tar"}},
		{"check", func() (any, error) { return c.Seat(3).Check(ctx, check) }, []CheckedStudent{{Student: "alice"}}, []any{check}},
		{"extend", func() (any, error) { return nil, c.Seat(3).Extend(ctx, Extension{Tasks: []string{"a"}, By: time.Hour}) }, nil, []any{Extension{Tasks: []string{"a"}, By: time.Hour}}},
		{"adopt", func() (any, error) { return c.Seat(3).Adopt(ctx, map[string]progress.History{"alice": {{Epoch: 2}}}) }, []string{"alice"}, []any{1}},
		{"mark", func() (any, error) { return c.Seat(3).Mark(ctx, mark) }, stood, []any{mark}},
		{"activity", func() (any, error) { return c.Seat(3).Activity(ctx) }, []Activity{{Student: "alice", Service: "smtp"}}, []any{"activity"}},
		{"dialogues", func() (any, error) { return c.Seat(3).Dialogues(ctx, "a&b c") }, []dialogue.Dialogue{{ID: "7"}, {ID: "8"}}, []any{"dialogues of a&b c"}},
		{"dialogue", func() (any, error) { return c.Seat(3).Dialogue(ctx, "a&b", "7 8") }, dialogue.Dialogue{ID: "7 8"}, []any{"dialogue 7 8 of a&b"}},
		{"messages", func() (any, error) { return c.Seat(3).Messages(ctx, "a&b c") }, []Message{{ID: "4bX"}}, []any{"messages of a&b c"}},
		{"message", func() (any, error) { return c.Seat(3).Message(ctx, "a&b", "4 X") }, Message{ID: "4 X", Text: []byte("x")}, []any{"message 4 X of a&b"}},
		{"recordings", func() (any, error) { return c.Seat(3).Recordings(ctx, "a&b") }, []recording.Kept{{ID: "1", Student: "a&b"}}, nil},
		{"recording", func() (any, error) {
			in, err := c.Seat(3).Recording(ctx, "a&b", "7")
			if err != nil {
				return nil, err
			}
			defer in.Close()
			text, err := io.ReadAll(in)
			return string(text), err
		}, "a&b7", []any{"recording"}},
		{"worksheet", func() (any, error) {
			r, err := (&http.Client{Transport: c.Seat(3).Worksheet("a&b")}).Get("http://lab/v1/lab/tasks")
			if err != nil {
				return nil, err
			}
			return whole(r.Body, nil)
		}, "a&b asks for /v1/lab/tasks", []any{"worksheet of a&b"}},
		{"log", func() (any, error) { return whole(c.Seat(3).Log(ctx, 5, true)) }, "the beginning", []any{"log 5 true"}},
		{"bundle", func() (any, error) { return whole(c.Seat(3).Bundle(ctx, "a&b")) }, "the beginning", []any{"bundle of a&b"}},
		{"save", func() (any, error) { return whole(c.Seat(3).Save(ctx, []string{"a", "b"})) }, "the beginning", []any{"save [a b]"}},
	} {
		t.Run(call.name, func(t *testing.T) {
			b.asked = nil
			got, err := call.do()
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(call.want, got); d != "" {
				t.Errorf("answer: -want +got\n%s", d)
			}
			if d := cmp.Diff(call.told, b.asked); d != "" {
				t.Errorf("asked: -want +got\n%s", d)
			}
			if host != "seat-3" {
				t.Errorf("the request was for %q", host)
			}
		})
	}
	if *dials != 1 {
		t.Errorf("%d streams were opened", *dials)
	}
}

// whole reads a stream to its end.
func whole(r io.ReadCloser, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	return string(text), err
}

// TestFailures: an error keeps its words and the status that the backend chose; a stream that breaks in the middle is
// never taken for a whole one.
func TestFailures(t *testing.T) {
	b := &backend{ready: []Ready{{}}}
	c, _ := connect(t, Handler(sandbox(b), slog.New(slog.DiscardHandler)))
	for status, fail := range map[int]error{
		http.StatusInternalServerError: errors.New("the disk is full"),
		http.StatusConflict:            fmt.Errorf("not now: %w", &Error{Status: http.StatusConflict, Text: "busy"}),
	} {
		b.fail = fail
		for name, err := range map[string]error{
			"reset": second(c.Seat(1).Reset(t.Context(), Reset{})), "spec": c.Seat(1).PutSpec(t.Context(), nil), "hostkey": second(c.Seat(1).HostKey(t.Context())),
			"save": second(c.Seat(1).Save(t.Context(), nil)), "bundle": second(c.Seat(1).Bundle(t.Context(), "a")),
		} {
			var told *Error
			if !errors.As(err, &told) || told.Status != status || told.Text != fail.Error() || !strings.HasPrefix(err.Error(), "seat-1: ") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	b.fail, b.half = nil, true
	for name, open := range map[string]func() (io.ReadCloser, error){
		"save":   func() (io.ReadCloser, error) { return c.Seat(1).Save(t.Context(), nil) },
		"bundle": func() (io.ReadCloser, error) { return c.Seat(1).Bundle(t.Context(), "a") },
		"log":    func() (io.ReadCloser, error) { return c.Seat(1).Log(t.Context(), -1, false) },
	} {
		if text, err := whole(open()); err == nil {
			t.Errorf("%s: %q is taken for the whole", name, text)
		}
	}
	b.half = false
	if _, err := c.Seat(1).Status(t.Context()); err != nil {
		t.Errorf("after all that: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

// TestFollow ends with its reader.
func TestFollow(t *testing.T) {
	c, _ := connect(t, Handler(sandbox(&backend{}), slog.New(slog.DiscardHandler)))
	enough := errors.New("enough")
	err := c.Seat(1).FollowDialogues(t.Context(), "alice", func(e dialogue.Event) error {
		if e.ID != "7" {
			t.Errorf("got %+v", e)
		}
		return enough
	})
	if !errors.Is(err, enough) {
		t.Error(err)
	}
}

// TestWaitReady waits through other states and other specs, and not for what cannot become ready.
func TestWaitReady(t *testing.T) {
	b := &backend{ready: []Ready{{State: Unconfigured}, {State: StateReady, Spec: "old"}, {State: Starting, Spec: "new"}, {State: StateReady, Spec: "new"}}}
	c, _ := connect(t, Handler(sandbox(b), slog.New(slog.DiscardHandler)))
	if err := c.Seat(1).WaitReady(t.Context(), "new"); err != nil {
		t.Error(err)
	}
	if len(b.ready) != 1 {
		t.Errorf("%d states were not waited for", len(b.ready)-1)
	}
	b.ready = []Ready{{State: Starting, Problem: "no such time zone"}}
	if err := c.Seat(1).WaitReady(t.Context(), "newer"); err == nil || !strings.Contains(err.Error(), "no such time zone") {
		t.Error(err)
	}
	b.ready = []Ready{{State: StateReady, Spec: "new"}}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := c.Seat(1).WaitReady(ended, "newer"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestBadInput: what is no request of ours, or too large, is refused and reaches no backend.
func TestBadInput(t *testing.T) {
	for _, test := range []struct {
		method, path, body string
		want               int
	}{
		{"GET", "/v1/status", "", http.StatusOK},
		{"GET", "/v1/nothing", "", http.StatusNotFound},
		{"DELETE", "/v1/spec", "", http.StatusMethodNotAllowed},
		{"POST", "/v1/reset", "{", http.StatusBadRequest},
		{"POST", "/v1/reset", `{"scope":7}`, http.StatusBadRequest},
		{"POST", "/v1/reset", `{"scope":"` + strings.Repeat("a", 1<<20) + `"}`, http.StatusBadRequest},
		{"POST", "/v1/authorize", `{"key":"` + strings.Repeat("a", 64<<10) + `"}`, http.StatusBadRequest},
		{"POST", "/v1/passwd", `[]`, http.StatusBadRequest},
		{"POST", "/v1/send", `{"raw":"` + strings.Repeat("a", sendLimit) + `"}`, http.StatusBadRequest},
		{"POST", "/v1/check", `{"students":"` + strings.Repeat("a", requestLimit) + `"}`, http.StatusBadRequest},
		{"PUT", "/v1/mark", "no JSON", http.StatusBadRequest},
		{"PUT", "/v1/spec", strings.Repeat("a", specLimit+1), http.StatusBadRequest},
	} {
		b := &backend{ready: []Ready{{}}}
		r := httptest.NewRequest(test.method, test.path, strings.NewReader(test.body))
		w := httptest.NewRecorder()
		Handler(sandbox(b), slog.New(slog.DiscardHandler)).ServeHTTP(w, r)
		name := fmt.Sprintf("%s %s with %d bytes", test.method, test.path, len(test.body))
		if w.Code != test.want {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		if (len(b.asked) > 0) != (test.want == http.StatusOK) {
			t.Errorf("%s reached the backend: %v", name, b.asked)
		}
	}
}

// TestWhatItCannotDo answers 404, which the controller can tell; without a spec nothing can be done yet, which is not the same.
func TestWhatItCannotDo(t *testing.T) {
	b := &backend{ready: []Ready{{State: Unconfigured}}}
	for status, s := range map[int]Sandbox{http.StatusNotFound: {Host: b, Mail: b}, http.StatusConflict: {Host: b}} {
		c, _ := connect(t, Handler(s, slog.New(slog.DiscardHandler)))
		for name, err := range map[string]error{
			"reset": second(c.Seat(1).Reset(t.Context(), Reset{})), "save": second(c.Seat(1).Save(t.Context(), nil)),
			"check": second(c.Seat(1).Check(t.Context(), CheckRequest{})), "dialogues": second(c.Seat(1).Dialogues(t.Context(), "a")),
		} {
			var told *Error
			if !errors.As(err, &told) || told.Status != status {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	c, _ := connect(t, Handler(Sandbox{Host: b}, slog.New(slog.DiscardHandler)))
	if got, err := c.Seat(1).Status(t.Context()); err != nil || got.State != Unconfigured {
		t.Errorf("status without a spec: %+v, %v", got, err)
	}
	if text, err := whole(c.Seat(1).Log(t.Context(), -1, true)); err != nil || text != "" {
		t.Errorf("log without a spec: %q, %v", text, err)
	}
	for name, err := range map[string]error{"send": c.Seat(1).Send(t.Context(), Send{}), "passwd": c.Seat(1).SetPassword(t.Context(), Password{})} {
		if !strings.Contains(err.Error(), "no spec yet") {
			t.Errorf("%s without a spec: %v", name, err)
		}
	}
	if err := c.Seat(1).PutSpec(t.Context(), 1); err != nil {
		t.Errorf("a spec for who has none: %v", err)
	}
}

// TestEndlessAnswer: a sandbox that never ends its answer does not fill the controller's memory.
func TestEndlessAnswer(t *testing.T) {
	if testing.Short() {
		t.Skip("a quarter of a gigabyte goes through a pipe")
	}
	sent := 0
	c, _ := connect(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `"`)
		for piece := bytes.Repeat([]byte("a"), 1<<20); sent < 4*answerLimit; sent += len(piece) {
			if _, err := w.Write(piece); err != nil {
				return
			}
		}
	}))
	if key, err := c.Seat(1).HostKey(t.Context()); err == nil || len(key) > 0 {
		t.Errorf("%d bytes of a key, %v", len(key), err)
	}
}

// TestStream is a byte stream both ways, with an end in each.
func TestStream(t *testing.T) {
	c, _ := connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RequestURI() != "/v1/dial?seat=2" || r.Host != GatewayHost {
			WriteError(w, http.StatusBadGateway, errors.New("another sandbox"))
			return
		}
		_ = http.NewResponseController(w).Flush()
		_, _ = io.Copy(&flusher{w: w, c: http.NewResponseController(w)}, r.Body)
		_, _ = io.WriteString(w, "that was all")
	}))
	conn, err := c.Seat(2).Stream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	echo := make([]byte, 5)
	for _, said := range []string{"hello", "there"} {
		if _, err := io.WriteString(conn, said); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(conn, echo); err != nil || string(echo) != said {
			t.Fatalf("%q, %v", echo, err)
		}
	}
	if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(conn); err != nil || string(rest) != "that was all" {
		t.Errorf("%q, %v", rest, err)
	}
	if _, err := c.Seat(5).Stream(t.Context()); err == nil || !strings.Contains(err.Error(), "another sandbox") {
		t.Errorf("a stream to nowhere: %v", err)
	}
}

// TestCloseEndsTheStream, whatever is under way on it: each that stays open is a process in the gateway. What is asked
// afterwards opens none.
func TestCloseEndsTheStream(t *testing.T) {
	ended := make(chan struct{})
	under := make(chan struct{}, 3)
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Protocols: protocols, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		under <- struct{}{}
		<-r.Context().Done()
	})}
	dials := 0
	c := NewClient(func(context.Context) (net.Conn, error) {
		dials++
		here, there := net.Pipe()
		go func() {
			_ = server.Serve(&once{conn: watched{there, ended}, done: make(chan struct{})})
		}()
		return here, nil
	})
	defer server.Close()
	shell, err := c.Seat(1).Stream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	log, err := c.Seat(1).Log(t.Context(), -1, true)
	if err != nil {
		t.Fatal(err)
	}
	<-under
	<-under
	c.Close()
	<-ended
	for what, in := range map[string]io.Reader{"the shell": shell, "the log": log} {
		if _, err := in.Read(make([]byte, 1)); err == nil || err == io.EOF {
			t.Errorf("%s was cut, and reads as if it had ended: %v", what, err)
		}
	}
	c.mu.Lock()
	remembered := len(c.streams)
	c.mu.Unlock()
	if remembered > 0 {
		t.Errorf("%d streams are remembered", remembered)
	}
	if _, err := c.Seat(1).Ready(t.Context()); err == nil {
		t.Error("a closed client asks")
	}
	c.Close() // twice is once
}

// watched tells when its end is seen.
type watched struct {
	net.Conn
	ended chan struct{}
}

func (w watched) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if err != nil {
		select {
		case <-w.ended:
		default:
			close(w.ended)
		}
	}
	return n, err
}
