package web

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"maillab/internal/belongings"
	"maillab/internal/control"
	"maillab/internal/gateway"
	"maillab/internal/handoff"
	"maillab/internal/lab"
	"maillab/internal/mail"
	"maillab/internal/mail/auth"
	"maillab/internal/mail/mbox"
	"maillab/internal/maild"
	"maillab/internal/roster"
	"maillab/internal/spec"
	"maillab/labs"
)

// class is a lab that is up in this process: real daemons behind a real gateway, and the page.
type class struct {
	t       *testing.T
	address string // of the page, with a slash at the end
	gateway *gateway.Gateway
	doors   control.Doors
	end     context.CancelFunc // of the gateway
	reached []net.Conn         // through the gateway, by pages
	mu      sync.Mutex         // of gateway and reached
	daemons map[int]*maild.Daemon
	specs   map[int]spec.Sandbox

	ahead atomic.Int64 // how far the page's clock is
}

// later has the page's clock go on until what it knows of the gateway is old.
func (c *class) later() { c.ahead.Add(int64(2 * servingFresh)) }

// hash is what every password of a class has in place of a hash of its own: hashing is slow, and not what is tried here.
var hash = func() func(string) (string, error) {
	known := map[string]string{}
	return func(password string) (string, error) {
		if known[password] == "" {
			h, err := auth.Hash(password)
			if err != nil {
				return "", err
			}
			known[password] = h
		}
		return known[password], nil
	}
}()

// newClass brings a lab on board up for students.
func newClass(t *testing.T, name string, students ...string) *class {
	t.Helper()
	c := &class{t: t, daemons: map[int]*maild.Daemon{}, specs: map[int]spec.Sandbox{}}
	doors := control.Doors{Web: &control.Target{Seat: control.WebSeat}}
	for _, s := range compiled(t, name, students) {
		c.serve(s)
		target := control.Target{Seat: s.Seat, Students: students}
		if s.Seat > 0 {
			target.Students = students[s.Seat-1 : s.Seat]
		}
		doors.Sandboxes = append(doors.Sandboxes, target)
	}
	c.doors = doors
	c.newGateway()
	c.open(t.Context())
	return c
}

// newGateway starts a gateway in place of the one that may be there, which ends, and with it what went through it.
func (c *class) newGateway() {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gateway != nil {
		c.end()
		c.gateway.Close()
		for _, conn := range c.reached {
			_ = conn.Close()
		}
		c.reached = nil
	}
	ctx, end := context.WithCancel(c.t.Context())
	c.end = end
	c.gateway = gateway.New(ctx, c, "", slog.New(slog.DiscardHandler))
	c.gateway.Open(c.doors)
	c.t.Cleanup(c.gateway.Close)
}

// reach connects a page to something through the gateway that is there now.
func (c *class) reach(ctx context.Context, what handoff.Reach) (net.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	conn, err := c.gateway.Reach(ctx, what)
	if err == nil {
		c.reached = append(c.reached, conn)
	}
	return conn, err
}

// open starts a page.
func (c *class) open(ctx context.Context) {
	c.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		c.t.Fatal(err)
	}
	if c.address == "" {
		c.address = "http://" + l.Addr().String() + "/"
	}
	page := New(Config{Name: "try", Reach: c.reach, Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }})
	go page.Serve(ctx, l)
}

// compiled are the sandboxes of a class.
func compiled(t *testing.T, name string, students []string) []spec.Sandbox {
	t.Helper()
	folder, err := labs.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	l, err := lab.Parse(folder, "lab.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text, seats := "name,number,lang\n", map[string]int{}
	for i, s := range students {
		text += fmt.Sprintf("%s,%d,%s\n", s, 21000000+i, []string{"fr", "en"}[i%2])
		seats[s] = i + 1
	}
	people, _, err := roster.Read("class.csv", strings.NewReader(text), roster.Options{})
	if err != nil {
		t.Fatal(err)
	}
	specs, err := lab.Compile(l, people, seats, "try", func(name string) string { return name })
	if err != nil {
		t.Fatal(err)
	}
	return specs
}

// serve starts a sandbox's daemon.
func (c *class) serve(s spec.Sandbox) {
	c.t.Helper()
	c.specs[s.Seat] = s
	sealed, err := s.Seal(hash)
	if err != nil {
		c.t.Fatal(err)
	}
	hashes := map[string]string{}
	for _, a := range sealed.Accounts {
		hashes[a.Name] = a.PasswordHash
	}
	dir := c.t.TempDir()
	d, err := maild.New(maild.Config{Spec: sealed, Files: mbox.PlainFiles(filepath.Join(dir, "users")), Accounts: auth.NewMemory(hashes),
		Belongings: belongings.Plain{Dir: filepath.Join(dir, "users")}, StateDir: filepath.Join(dir, "maild"), LogFile: filepath.Join(dir, "mail.log"), AnyListener: true})
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	c.t.Cleanup(func() {
		stop()
		<-ended
		if err := d.Close(); err != nil {
			c.t.Error(err)
		}
	})
	c.daemons[s.Seat] = d
}

// Control implements gateway.Sandboxes.
func (c *class) Control(t control.Target) http.Handler {
	return (&maild.Control{Daemon: c.daemons[t.Seat]}).Handler(slog.New(slog.DiscardHandler))
}

// Dial implements gateway.Sandboxes.
func (c *class) Dial(ctx context.Context, t control.Target, o handoff.Offer) (net.Conn, error) {
	here, there, err := handoff.Pipe()
	if err == nil {
		go c.daemons[t.Seat].Serve(context.WithoutCancel(ctx), o.Service, &handoff.Conn{Conn: there, Offer: o})
	}
	return here, err
}

// Serve implements gateway.Sandboxes.
func (c *class) Serve(ctx context.Context, t control.Target, service string, conn net.Conn) {
	c.daemons[t.Seat].Serve(ctx, service, conn)
}

// browser is a client with cookies that does not follow where it is sent.
func (c *class) browser() *visitor {
	jar, _ := cookiejar.New(nil) // it cannot fail
	return &visitor{c.t, c.address, &http.Client{Jar: jar, Timeout: time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

type visitor struct {
	t       *testing.T
	address string
	client  *http.Client
}

// do sends a request, and returns what came.
func (v *visitor) do(method, path string, form url.Values, headers ...string) (status int, body string, header http.Header) {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), method, v.address+path, strings.NewReader(form.Encode()))
	if err != nil {
		v.t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := v.client.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return response.StatusCode, string(text), response.Header
}

// login logs in, and returns the status.
func (v *visitor) login(name, password string) (status int, body string) {
	v.t.Helper()
	status, body, _ = v.do(http.MethodPost, "login", url.Values{"name": {name}, "password": {password}, "lang": {"en"}})
	return status, body
}

var tokenForm = regexp.MustCompile(`data-token="([A-Z2-7]+)"`)

// home is the first page, and the token of its forms.
func (v *visitor) home() (page, token string) {
	v.t.Helper()
	_, page, _ = v.do(http.MethodGet, "", nil)
	if m := tokenForm.FindStringSubmatch(page); m != nil {
		token = m[1]
	}
	return page, token
}

// typed types lines at port 25 of a seat, as a person does, and waits for each answer.
func (c *class) typed(seat int, lines ...string) {
	c.t.Helper()
	conn, err := c.Dial(c.t.Context(), control.Target{Seat: seat}, handoff.Offer{Service: "smtp", Peer: mail.Peer{Remote: netip.MustParseAddrPort("192.0.2.7:40000"), Local: netip.MustParseAddrPort("192.0.2.1:25")}})
	if err != nil {
		c.t.Fatal(err)
	}
	defer conn.Close()
	reply := make([]byte, 4096)
	_, err = conn.Read(reply)
	for _, line := range lines {
		for i := 0; i < len(line) && err == nil; i++ {
			_, err = conn.Write([]byte{line[i]})
			time.Sleep(40 * time.Millisecond) // a person is slower; whether it was one is judged from this
		}
		if _, err2 := io.WriteString(conn, "\r\n"); err == nil {
			err = err2
		}
		if err == nil && !strings.HasPrefix(line, " ") { // a line of the message
			_, err = conn.Read(reply)
		}
		time.Sleep(400 * time.Millisecond)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// message is a message that is typed: lines after DATA begin with a blank.
func message(from, to string) []string {
	return []string{"HELO pc", "MAIL FROM:<" + from + ">", "RCPT TO:<" + to + ">", "DATA", " hello", ".", "QUIT"}
}

// change is what an event brings.
func decode[T any](t *testing.T, text string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return v
}
