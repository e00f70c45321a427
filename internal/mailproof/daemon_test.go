//go:build linux

package mailproof

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	_ "net/http/pprof" // for PprofAddr
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"maillab/internal/handoff"
	"maillab/internal/mail"
	"maillab/internal/mail/auth"
	"maillab/internal/mail/mbox"
	"maillab/internal/maild"
	"maillab/internal/spec"
)

// daemonVariable makes the test program be a daemon: it holds its settings, as JSON.
const daemonVariable = "MAILLAB_TEST_DAEMON"

const password = "master2021"

// services are the daemon's ports, in the order of its listeners; the second half takes PROXY headers, so that a test
// can come from anywhere.
var services = []string{"smtp", "pop3", "imap"}

// settings are what a daemon is told.
type settings struct {
	Dir     string // of everything that it keeps
	Users   string // PlainFiles' directory; below Dir when it is empty
	Hash    string // of all accounts' password
	Wording string
	Pprof   string         // address to be profiled at
	Listen  []string       // where the services listen; empty: on what it inherits
	TLS     string         // "starttls", else off
	Auth    string         // of SMTP; "" is none
	Own     []netip.Addr   // what a domain in brackets may say; empty: the machine's addresses
	Relay   string         // "" is reject
	RelayAt netip.AddrPort // where its name leads
	Faulty  uint64         // not 0: opening and locking mailboxes fails now and then, by this seed
	Parked  bool           // the spool's parking is inherited, behind the listeners
}

func TestMain(m *testing.M) {
	if text := os.Getenv(daemonVariable); text != "" {
		if err := serve(text); err != nil {
			fmt.Fprintln(os.Stderr, "daemon:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// proxied is a listener whose clients say in a PROXY header who they are; the daemon gets them as if they had been handed on.
type proxied struct {
	net.Listener
	service string
}

func (p proxied) Accept() (net.Conn, error) {
	conn, err := p.Listener.Accept()
	if err != nil {
		return nil, err
	}
	var line []byte
	for b := make([]byte, 1); !bytes.HasSuffix(line, []byte("\r\n")); line = append(line, b...) {
		if _, err := conn.Read(b); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	fields := strings.Fields(string(line)) // PROXY TCP4 from to port port
	peer := mail.Peer{Remote: netip.MustParseAddrPort(fields[2] + ":" + fields[4]), Local: netip.MustParseAddrPort(fields[3] + ":" + fields[5])}
	return &handoff.Conn{Conn: conn, Offer: handoff.Offer{Service: p.service, Peer: peer}}, nil
}

// serve is the daemon's process, until SIGTERM. It is to the listeners that it inherits what cmd/maild is.
func serve(text string) error {
	signal.Ignore(syscall.SIGXFSZ)
	debug.SetMemoryLimit(40 << 20)
	debug.SetGCPercent(50)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var s settings
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return err
	}
	d, err := maild.New(s.config())
	if err != nil {
		return err
	}
	if s.Pprof != "" {
		go func() { _ = http.ListenAndServe(s.Pprof, nil) }()
	}
	var wg sync.WaitGroup
	for i, service := range append(services, services...) {
		listener, err := s.listener(i)
		if err != nil {
			return err
		}
		context.AfterFunc(ctx, func() { listener.Close() })
		if i >= len(services) {
			listener = proxied{listener, service}
		}
		wg.Go(func() { _ = d.Listen(ctx, listener, service) })
	}
	fmt.Println("ready")
	err = d.Run(ctx)
	wg.Wait()
	if ctx.Err() != nil {
		err = nil
	}
	return errors.Join(err, d.Close())
}

// listener is the i-th: of the services, then of those with PROXY headers.
func (s settings) listener(i int) (net.Listener, error) {
	switch {
	case len(s.Listen) == 0:
		return net.FileListener(os.NewFile(uintptr(3+i), "listener"))
	case i < len(s.Listen):
		return net.Listen("tcp", s.Listen[i])
	}
	return net.Listen("tcp", "127.0.0.1:0")
}

func (s settings) config() maild.Config {
	hashes := map[string]string{}
	sandbox := spec.Sandbox{
		Version: spec.Version, Lab: "proof", Hostname: "test6isri.local.isri.fr", Domain: "local.isri.fr",
		Locals: []string{"local.isri.fr", "test6isri.local.isri.fr", "localhost"}, Timezone: "UTC", TLS: cmp.Or(s.TLS, "off"),
		Services: spec.Services{
			SMTP: &spec.SMTP{Auth: cmp.Or(s.Auth, "none"), Relay: cmp.Or(s.Relay, "reject"), Banner: "ESMTP Postfix (Debian/GNU)", BareLF: "accept"},
			POP3: &spec.POP3{Wording: s.Wording}, IMAP: &spec.IMAP{Wording: s.Wording},
		},
	}
	for n := range accounts {
		name := fmt.Sprintf("util%d", n+1)
		hashes[name] = s.Hash
		sandbox.Accounts = append(sandbox.Accounts, spec.Account{Name: name, Student: "s", PasswordHash: s.Hash})
	}
	var files = mbox.PlainFiles(s.Users)
	if s.Faulty != 0 {
		files = newFaulty(files, s.Faulty)
	}
	return maild.Config{
		Spec: sandbox, Files: files, Parking: s.parking(), Accounts: auth.NewMemory(hashes), StateDir: filepath.Join(s.Dir, "state"),
		LogFile: filepath.Join(s.Dir, "mail.log"), AnyListener: true, Addresses: s.Own, Dial: s.dial,
		Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	}
}

// dial connects as a gateway would, which looks the relay's name up.
func (s settings) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if s.RelayAt.IsValid() && address == s.Relay {
		address = s.RelayAt.String()
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

func (s settings) parking() *mbox.Parking {
	if !s.Parked {
		return nil
	}
	first := uintptr(3 + 2*len(services))
	return &mbox.Parking{In: os.NewFile(first, "parking"), Out: os.NewFile(first+1, "parking")}
}

// accounts is how many there are: util1, util2 and so on.
const accounts = 19

// daemon is one that can be killed and started again: its listeners stay open meanwhile, as a supervisor keeps them.
type daemon struct {
	t         testing.TB
	settings  settings
	listeners []*net.TCPListener
	parking   *mbox.Parking
	stderr    string // file

	mu    sync.Mutex    // for who harasses it
	cmd   *exec.Cmd     // nil: it does not run
	ended chan struct{} // closed when the process is gone
}

// hash is of the accounts' password; made once, it takes a while.
var hash = sync.OnceValues(func() (string, error) { return auth.Hash(password) })

// newDaemon makes one that does not run yet.
func newDaemon(t testing.TB, s settings) *daemon {
	t.Helper()
	var err error
	if s.Hash, err = hash(); err != nil {
		t.Fatal(err)
	}
	if s.Dir == "" {
		s.Dir = t.TempDir()
	}
	if s.Users == "" {
		s.Users = filepath.Join(s.Dir, "users")
	}
	if s.Wording == "" {
		s.Wording = "dovecot"
	}
	d := &daemon{t: t, settings: s, stderr: filepath.Join(s.Dir, "stderr")}
	for range 2 * len(services) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		d.listeners = append(d.listeners, l.(*net.TCPListener))
	}
	if d.parking, err = mbox.NewParking(); err != nil {
		t.Fatal(err)
	}
	d.settings.Parked = true
	t.Cleanup(func() { d.parking.In.Close(); d.parking.Out.Close() })
	t.Cleanup(func() {
		if d.cmd != nil {
			d.kill()
		}
		if t.Failed() {
			said, _ := os.ReadFile(d.stderr)
			logged, _ := os.ReadFile(filepath.Join(d.settings.Dir, "mail.log"))
			t.Logf("the daemon said:\n%s\nmail.log:\n%s", lastLines(string(said), 40), lastLines(string(logged), 40))
		}
	})
	return d
}

// startDaemon makes one that runs.
func startDaemon(t testing.TB, s settings) *daemon {
	t.Helper()
	d := newDaemon(t, s)
	d.start()
	return d
}

// start runs the daemon and returns when it serves.
func (d *daemon) start() {
	d.t.Helper()
	text, err := json.Marshal(d.settings)
	if err != nil {
		d.t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), daemonVariable+"="+string(text))
	for _, l := range d.listeners {
		f, err := l.File()
		if err != nil {
			d.t.Fatal(err)
		}
		defer f.Close()
		cmd.ExtraFiles = append(cmd.ExtraFiles, f)
	}
	cmd.ExtraFiles = append(cmd.ExtraFiles, d.parking.In, d.parking.Out)
	stderr, err := os.OpenFile(d.stderr, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		d.t.Fatal(err)
	}
	defer stderr.Close()
	cmd.Stderr = stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		d.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	d.mu.Lock()
	d.cmd, d.ended = cmd, make(chan struct{})
	d.mu.Unlock()
	line, err := bufio.NewReader(out).ReadString('\n')
	if line != "ready\n" {
		d.t.Fatalf("the daemon does not start: %q, %v", line, err)
	}
	go func(ended chan struct{}) {
		_ = cmd.Wait()
		close(ended)
	}(d.ended)
}

// kill ends the process at once, and stop in order. Both return when it is gone.
func (d *daemon) kill() { d.signal(syscall.SIGKILL) }
func (d *daemon) stop() { d.signal(syscall.SIGTERM) }

func (d *daemon) signal(s syscall.Signal) {
	_ = d.cmd.Process.Signal(s) // fails only when it is gone
	<-d.ended
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cmd = nil
}

// addr is where a service listens.
func (d *daemon) addr(service string) string {
	for i, s := range services {
		if s == service {
			return d.listeners[i].Addr().String()
		}
	}
	panic(service)
}

func (d *daemon) port(service string) string {
	_, port, _ := net.SplitHostPort(d.addr(service))
	return port
}

// spool is a user's mailbox file.
func (d *daemon) spool(user string) string { return filepath.Join(d.settings.Users, "spool", user) }

// forward writes a user's .forward.
func (d *daemon) forward(user, text string) {
	d.t.Helper()
	home := filepath.Join(d.settings.Users, "home", user)
	if err := os.MkdirAll(home, 0o700); err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, ".forward"), []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// patience bounds every wait: it passes only when something hangs.
const patience = time.Minute

// within waits for a condition.
func within(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
