package webmail

import (
	"context"
	"html/template"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-smtp"

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

var testTime = time.Date(2026, 3, 26, 11, 0, 0, 0, time.UTC)

// room is a real mail daemon in this process, and the webmail of one who has logged in.
type room struct {
	t       *testing.T
	daemon  *maild.Daemon
	spec    spec.Sandbox
	mail    *Mail
	server  *httptest.Server
	dialled atomic.Int32
	serving sync.WaitGroup
	away    atomic.Bool // nothing can be connected to
}

// newRoom brings up the seat of one student of a lab on board, as an account.
func newRoom(t *testing.T, name, account, password string) *room {
	t.Helper()
	return newRoomOf(t, compiled(t, name), account, password)
}

func newRoomOf(t *testing.T, s spec.Sandbox, account, password string) *room {
	t.Helper()
	r := &room{t: t, spec: s}
	r.serve()
	cfg := Config{Domain: r.spec.Domain, Accounts: []string{account}, Password: password, Services: []string{"smtp"}, Dial: r.dial,
		Now: func() time.Time { return testTime }}
	if r.spec.Services.IMAP != nil {
		cfg.Services = append(cfg.Services, "imap")
	}
	for _, a := range r.spec.Accounts {
		if a.Student != "" && a.Name != account {
			cfg.Accounts = append(cfg.Accounts, a.Name)
		}
	}
	r.mail = New(cfg)
	t.Cleanup(r.mail.Close)
	r.mount()
	return r
}

// mount serves the pages in the barest of frames.
func (r *room) mount() {
	mux := http.NewServeMux()
	for pattern, page := range Pages() {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, q *http.Request) {
			page(r.mail, &Visit{W: w, R: q, Lang: "en", Token: "TOKEN", Show: func(status int, title string, content template.HTML) {
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				w.WriteHeader(status)
				_, _ = io.WriteString(w, "<title>"+template.HTMLEscapeString(title)+"</title>"+string(content))
			}})
		})
	}
	r.server = httptest.NewServer(mux)
	r.t.Cleanup(r.server.Close)
}

func compiled(t *testing.T, name string) spec.Sandbox {
	t.Helper()
	folder, err := labs.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	l, err := lab.Parse(folder, "lab.yaml")
	if err != nil {
		t.Fatal(err)
	}
	people, _, err := roster.Read("class.csv", strings.NewReader("name,number\nalice,21000000\n"), roster.Options{})
	if err != nil {
		t.Fatal(err)
	}
	specs, err := lab.Compile(l, people, map[string]int{"alice": 1}, "try", func(name string) string { return name })
	if err != nil {
		t.Fatal(err)
	}
	return specs[len(specs)-1]
}

// serve starts the daemon. All passwords of an account are hashed once for all tests: hashing is slow, and not what is tried.
func (r *room) serve() {
	r.t.Helper()
	sealed, err := r.spec.Seal(hash)
	if err != nil {
		r.t.Fatal(err)
	}
	hashes := map[string]string{}
	for _, a := range sealed.Accounts {
		hashes[a.Name] = a.PasswordHash
	}
	dir := r.t.TempDir()
	r.daemon, err = maild.New(maild.Config{Spec: sealed, Files: mbox.PlainFiles(filepath.Join(dir, "users")), Accounts: auth.NewMemory(hashes),
		StateDir: filepath.Join(dir, "maild"), LogFile: filepath.Join(dir, "mail.log"), AnyListener: true})
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.daemon.Run(ctx) }()
	r.t.Cleanup(func() {
		r.serving.Wait()
		stop()
		<-ended
		if err := r.daemon.Close(); err != nil {
			r.t.Error(err)
		}
	})
}

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

// dial connects to a service as a browser at an address.
func (r *room) dial(_ context.Context, service string) (net.Conn, error) {
	if r.away.Load() {
		return nil, io.ErrUnexpectedEOF
	}
	r.dialled.Add(1)
	here, there, err := handoff.Pipe()
	if err == nil {
		peer := mail.Peer{Remote: netip.MustParseAddrPort("192.0.2.7:40000"), Local: netip.MustParseAddrPort("192.0.2.1:143")}
		r.serving.Go(func() {
			r.daemon.Serve(context.Background(), service, &handoff.Conn{Conn: there, Offer: handoff.Offer{Service: service, Peer: peer}})
		})
	}
	return here, err
}

// get is a page.
func (r *room) get(page string) (status int, body string, header http.Header) {
	r.t.Helper()
	return r.answer(r.server.Client().Get(r.server.URL + "/" + page))
}

// post sends a form, and is not sent anywhere by it.
func (r *room) post(page string, form url.Values) (status int, body string, header http.Header) {
	r.t.Helper()
	c := *r.server.Client()
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return r.answer(c.PostForm(r.server.URL+"/"+page, form))
}

func (r *room) answer(response *http.Response, err error) (int, string, http.Header) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return response.StatusCode, string(body), response.Header
}

// client is another IMAP client of an account.
func (r *room) client(account, password string) *imapclient.Client {
	r.t.Helper()
	conn, err := r.dial(r.t.Context(), "imap")
	if err != nil {
		r.t.Fatal(err)
	}
	c := imapclient.New(conn, nil)
	r.t.Cleanup(func() { _ = c.Close() })
	if err := c.Login(account, password).Wait(); err != nil {
		r.t.Fatal(err)
	}
	return c
}

// emptied leaves nothing in the inbox of the account.
func (r *room) emptied(account, password string) {
	r.t.Helper()
	c := r.client(account, password)
	box, err := c.Select(inbox, nil).Wait()
	if err == nil && box.NumMessages > 0 {
		all := imap.SeqSet{{Start: 1, Stop: 0}}
		if err = c.Store(all, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close(); err == nil {
			err = c.Expunge().Close()
		}
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// arrived sends messages to an account, as they are.
func (r *room) arrived(account string, messages ...string) {
	r.t.Helper()
	conn, err := r.dial(r.t.Context(), "smtp")
	if err != nil {
		r.t.Fatal(err)
	}
	c := smtp.NewClient(conn)
	defer c.Close()
	for _, m := range messages {
		if err := c.SendMail("util1@local.isri.fr", []string{account + "@" + r.spec.Domain}, strings.NewReader(m)); err != nil {
			r.t.Fatal(err)
		}
	}
	if err := c.Quit(); err != nil {
		r.t.Fatal(err)
	}
}

// held puts a message into a folder, octet by octet.
func (r *room) held(c *imapclient.Client, message string) {
	r.t.Helper()
	put := c.Append(inbox, int64(len(message)), nil)
	_, err := io.WriteString(put, message)
	if err == nil {
		err = put.Close()
	}
	if err == nil {
		_, err = put.Wait()
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

var toMessage = regexp.MustCompile(`href="(mail-message\?[^"]+)"`)

// messages are the addresses of the messages in a list, the newest first.
func (r *room) messages(page string) (links []string) {
	r.t.Helper()
	status, body, _ := r.get(page)
	if status != http.StatusOK {
		r.t.Fatalf("%s: %d %s", page, status, body)
	}
	for _, m := range toMessage.FindAllStringSubmatch(body, -1) {
		links = append(links, strings.ReplaceAll(m[1], "&amp;", "&"))
	}
	return links
}

// holds complains about what a page lacks.
func holds(t *testing.T, what, page string, wanted ...string) {
	t.Helper()
	for _, w := range wanted {
		if !strings.Contains(page, w) {
			t.Errorf("%s lacks %q:\n%.3000s", what, w, page)
		}
	}
}

// lacks complains about what a page should not have.
func lacks(t *testing.T, what, page string, unwanted ...string) {
	t.Helper()
	for _, u := range unwanted {
		if strings.Contains(page, u) {
			t.Errorf("%s has %q:\n%.3000s", what, u, page)
		}
	}
}
