package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/coder/websocket"

	"maillab/internal/handoff"
	"maillab/internal/web/terminal"
)

// desks are an account's terminals, by the number of their tab. All sessions of the account have the same ones: a window that
// comes again, here or on another machine, finds the same screen, and an account's processes, which are bounded, are not used
// up by browsers that were closed. They end with the last session.
type desks struct {
	seat             int
	account, student string
	changed          *changes // when a terminal opens or ends

	mu       sync.Mutex
	open     map[int]*terminal.Terminal
	sessions int
}

// rooms are the desks of all accounts.
type rooms struct {
	changed changes // when a terminal of anybody's opens or ends

	mu  sync.Mutex
	all map[string]*desks
}

// enter is an account's desks, for one more session.
func (r *rooms) enter(seat int, account, student string) *desks {
	d := r.desks(seat, account, student)
	d.mu.Lock() // alone: a terminal may be opening, which takes a while
	defer d.mu.Unlock()
	d.sessions++
	return d
}

// desks are an account's.
func (r *rooms) desks(seat int, account, student string) *desks {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := strconv.Itoa(seat) + " " + account
	if r.all == nil {
		r.all = map[string]*desks{}
	}
	d := r.all[key]
	if d == nil {
		d = &desks{seat: seat, account: account, student: student, changed: &r.changed, open: map[int]*terminal.Terminal{}}
		r.all[key] = d
	}
	return d
}

// maxTerminals is how many an account may have.
const maxTerminals = 6

// frameLimit bounds what a browser sends at once, in octets: a paste.
const frameLimit = 256 << 10

// said is what a browser says.
type said struct {
	Keys  string `json:"keys"`
	Paste string `json:"paste"`
	Size  []int  `json:"size"` // columns, rows
}

// terminal shows a terminal over a WebSocket, the one of that number or a new one. Whose page it is the browser says
// (Origin), which Accept looks at.
func (p *Page) terminal(w http.ResponseWriter, r *http.Request, s *session) {
	number, err := strconv.Atoi(r.FormValue("tab"))
	if err != nil || number < 1 || number > maxTerminals {
		http.Error(w, "no such terminal", http.StatusBadRequest)
		return
	}
	cols, _ := strconv.Atoi(r.FormValue("cols"))
	rows, _ := strconv.Atoi(r.FormValue("rows"))
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // it has been answered
	}
	defer func() { _ = conn.CloseNow() }()
	conn.SetReadLimit(frameLimit)
	t, err := p.terminalOf(r.Context(), s, number, cols, rows)
	if err != nil {
		p.cfg.Log.Warn("a terminal", "seat", s.seat, "err", err)
		_ = conn.Close(websocket.StatusTryAgainLater, say(s.language(), "terminal.away"))
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	go func() {
		defer cancel()
		listen(ctx, conn, t)
	}()
	go keepAlive(ctx, conn)
	if err := t.Watch(ctx, func(f terminal.Frame) error { return send(ctx, conn, f) }); err == nil {
		_ = conn.Close(websocket.StatusNormalClosure, "")
	}
}

// listen does what the browser says until it goes.
func listen(ctx context.Context, conn *websocket.Conn, t *terminal.Terminal) {
	for {
		_, text, err := conn.Read(ctx)
		if err != nil {
			return
		}
		var what said
		if json.Unmarshal(text, &what) != nil {
			return
		}
		if len(what.Size) == 2 {
			err = t.Resize(what.Size[0], what.Size[1])
		}
		if what.Paste != "" {
			err = errors.Join(err, t.Paste(what.Paste))
		}
		if what.Keys != "" {
			err = errors.Join(err, t.Type(what.Keys))
		}
		if err != nil {
			return
		}
	}
}

// keepAlive keeps proxies from closing what says nothing, and finds lines that are lost.
func keepAlive(ctx context.Context, conn *websocket.Conn) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(heartbeat):
		}
		patience, cancel := context.WithTimeout(ctx, heartbeat)
		err := conn.Ping(patience)
		cancel()
		if err != nil {
			_ = conn.CloseNow()
			return
		}
	}
}

// sendPatience is how long a browser may take to take a frame. One that does not is left alone; it comes again.
const sendPatience = 20 * time.Second

func send(ctx context.Context, conn *websocket.Conn, f terminal.Frame) error {
	text, err := json.Marshal(f)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, sendPatience)
	defer cancel()
	return conn.Write(ctx, websocket.MessageText, text)
}

// terminalOf is a session's terminal of that number. One whose program has ended is replaced.
func (p *Page) terminalOf(ctx context.Context, s *session, number, cols, rows int) (*terminal.Terminal, error) {
	s.desks.mu.Lock()
	defer s.desks.mu.Unlock()
	if t := s.desks.open[number]; t != nil && !t.Over() {
		return t, t.Resize(cols, rows)
	}
	program, err := p.program(ctx, s, cols, rows)
	if err != nil {
		return nil, err
	}
	t := terminal.Start(p.record(s, program, cols, rows), cols, rows)
	s.desks.open[number] = t
	s.desks.changed.tell()
	go func() {
		<-t.Done()
		s.desks.changed.tell()
	}()
	return t, nil
}

// program is a shell in the student's sandbox, or, where there is no SSH, a console.
func (p *Page) program(ctx context.Context, s *session, cols, rows int) (terminal.Program, error) {
	if !slices.Contains(s.me.Services, handoff.SSH) {
		return terminal.Console{
			Host:  s.me.Hostname,
			Dial:  func(ctx context.Context, service string) (net.Conn, error) { return p.cfg.Reach(ctx, s.to(service)) },
			Words: func(key string, args ...any) string { return say(s.language(), "console."+key, args...) },
		}.Run(cols, rows), nil
	}
	conn, err := p.cfg.Reach(ctx, s.to(handoff.SSH))
	if err != nil {
		return nil, fmt.Errorf("reaching sshd: %w", err)
	}
	return terminal.Shell(ctx, conn, s.me.Account, s.password, "", cols, rows)
}

// to is the way to a service of the session's sandbox.
func (s *session) to(service string) handoff.Reach {
	what := s.reach
	what.Service = service
	return what
}

// leave takes one session's leave; the last one's ends all terminals.
func (d *desks) leave() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.sessions--; d.sessions > 0 {
		return
	}
	for _, t := range d.open {
		t.Close()
	}
	clear(d.open)
}
