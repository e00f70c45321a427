package web

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/coder/websocket"

	"maillab/internal/certificate"
	"maillab/internal/control"
	"maillab/internal/handoff"
	"maillab/internal/mail"
	"maillab/internal/web/browsertest"
)

// serves has the page served in another way from now on.
func (c *class) serves(page *control.Page) {
	c.t.Helper()
	doors := c.doors
	web := *doors.Web
	web.Page = page
	doors.Web = &web
	c.gateway.Open(doors)
}

// issued is a certificate for this machine, and the authority's that a client trusts.
func issued(t *testing.T) (pem string, trusted *x509.CertPool) {
	t.Helper()
	set, err := certificate.Set{}.Renewed("try", map[string][]string{"web": {"localhost", "127.0.0.1"}}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	trusted = x509.NewCertPool()
	trusted.AppendCertsFromPEM(set.CA())
	return set.Issued["web"], trusted
}

// trusting has a visitor trust an authority.
func (v *visitor) trusting(pool *x509.CertPool) *visitor {
	v.client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	v.address = strings.Replace(v.address, "http:", "https:", 1)
	return v
}

// TestTLS: a page with a certificate is HTTPS, with HTTP/2, secure cookies and terminals; who comes without is sent there and
// told nothing; another certificate is in force without a restart, and so is none.
func TestTLS(t *testing.T) {
	c := newClass(t, "amiens-smtp-pop-imap", "alice")
	text, pool := issued(t)
	c.serves(&control.Page{TLS: true, Certificate: text})
	c.later()
	status, page, h := c.browser().do("GET", "log?x=1", nil)
	if want := strings.Replace(c.address, "http:", "https:", 1) + "log?x=1"; status != http.StatusPermanentRedirect || h.Get("Location") != want || page != "" || h.Get("Set-Cookie") != "" {
		t.Error("without TLS: ", status, h, page)
	}
	v := c.browser().trusting(pool)
	status, _, h = v.do("POST", "login", url.Values{"name": {"alice"}, "password": {"master2021"}})
	if cookie := h.Get("Set-Cookie"); status != http.StatusSeeOther || !strings.Contains(cookie, "; Secure") {
		t.Error("the cookie: ", status, cookie)
	}
	response, err := v.client.Get(v.address)
	if err != nil {
		t.Fatal(err)
	}
	if response.Body.Close(); response.ProtoMajor != 2 || response.StatusCode != http.StatusOK {
		t.Error(response.Proto, response.Status)
	}
	conn, _, err := websocket.Dial(t.Context(), v.address+"terminal?tab=1&cols=80&rows=24", &websocket.DialOptions{HTTPClient: &http.Client{Jar: v.client.Jar, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, frame, err := conn.Read(t.Context()); err != nil || !strings.Contains(string(frame), `"size":[80,24]`) {
		t.Error(string(frame), err)
	}
	_ = conn.CloseNow()
	_, other := issued(t)
	if _, err := c.browser().trusting(other).client.Get(v.address); err == nil {
		t.Error("a certificate of nobody's is taken")
	}
	text, pool = issued(t)
	c.serves(&control.Page{TLS: true, Certificate: text})
	c.later()
	if status, _, _ := c.browser().trusting(pool).do("GET", "", nil); status != http.StatusOK {
		t.Error("the renewed certificate: ", status)
	}
	c.serves(nil)
	c.later()
	if status, _, _ := c.browser().do("GET", "", nil); status != http.StatusOK {
		t.Error("without TLS again: ", status)
	}
}

// TestOneAsks: while the gateway takes its time to say how the page is served, one request waits for it; the others are served as before.
func TestOneAsks(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	var told strings.Builder
	p := New(Config{Log: slog.New(slog.NewTextHandler(&told, nil)), Reach: func(context.Context, handoff.Reach) (net.Conn, error) {
		close(asked)
		<-answer
		return nil, errors.New("no gateway")
	}})
	p.served.heard, p.served.last = true, serving{page: control.Page{TLS: true}}
	first := make(chan serving)
	go func() { first <- p.serving(t.Context()) }()
	<-asked
	second := p.serving(t.Context())
	if told.Len() > 0 || !second.page.TLS {
		t.Errorf("the second waited for the first: %v, %s", second, told.String())
	}
	close(answer)
	if s := <-first; !s.page.TLS || !strings.Contains(told.String(), "no gateway") {
		t.Errorf("without an answer: %v, %s", s, told.String())
	}
}

// TestSpokenFor: whose word on a browser counts.
func TestSpokenFor(t *testing.T) {
	s := serving{proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("10.0.0.0/24")}}
	at := func(addr string) caller {
		return caller{peer: mail.Peer{Remote: netip.MustParseAddrPort(addr)}}
	}
	for _, c := range []struct {
		said, proto string
		want        string
		secure      bool
	}{
		{"", "", "127.0.0.1", false},
		{"192.0.2.7", "https", "192.0.2.7", true},
		{"198.51.100.1, 192.0.2.7", "http", "192.0.2.7", false}, // the first is what the browser said of itself
		{"192.0.2.7, 10.0.0.3", "https", "192.0.2.7", true},     // one proxy behind another
		{"10.0.0.4, 10.0.0.3", "", "10.0.0.4", false},
		{"192.0.2.7, nonsense", "", "127.0.0.1", false},
		{"::ffff:192.0.2.7", "HTTPS", "192.0.2.7", true},
		{"2001:db8::7", "", "2001:db8::7", false},
	} {
		h := http.Header{}
		if c.said != "" {
			h.Set("X-Forwarded-For", c.said)
		}
		if c.proto != "" {
			h.Set("X-Forwarded-Proto", c.proto)
		}
		if got := s.spokenFor(at("127.0.0.1:4000"), h); got.peer.Host() != c.want || got.secure != c.secure {
			t.Errorf("%q, %q: %s, %v", c.said, c.proto, got.peer.Host(), got.secure)
		}
	}
	if !s.proxy(netip.MustParseAddr("::ffff:10.0.0.9")) || s.proxy(netip.MustParseAddr("10.0.1.9")) {
		t.Error("who a proxy is")
	}
}

// TestForwarded: what a browser says of where it comes from counts for nothing, until it is named as a proxy. A wrong
// password is one more for who sends it.
func TestForwarded(t *testing.T) {
	c := newClass(t, "amiens-smtp-pop-imap", "alice")
	guess := func(from string) int {
		status, _, _ := c.browser().do("POST", "login", url.Values{"name": {"alice"}, "password": {"no"}}, "X-Forwarded-For", from, "X-Forwarded-Proto", "https")
		return status
	}
	for i := range freeAttempts {
		guess(fmt.Sprintf("192.0.2.%d", i))
	}
	if status := guess("192.0.2.99"); status != http.StatusTooManyRequests {
		t.Error("an address that a browser made up is believed: ", status)
	}
	c.serves(&control.Page{Proxies: []string{"127.0.0.0/8"}})
	c.later()
	if status := guess("192.0.2.100"); status != http.StatusUnauthorized {
		t.Error("a named proxy is not believed: ", status)
	}
	_, _, h := c.browser().do("POST", "login", url.Values{"name": {"alice"}, "password": {"master2021"}}, "X-Forwarded-For", "192.0.2.101", "X-Forwarded-Proto", "https")
	if cookie := h.Get("Set-Cookie"); !strings.Contains(cookie, "; Secure") {
		t.Errorf("the cookie: %q", cookie)
	}
}

// documented is a block of docs/browser.md, in a language.
func documented(t *testing.T, language string) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/browser.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, found := strings.Cut(string(text), "```"+language+"\n")
	block, _, ended := strings.Cut(block, "```")
	if !found || !ended {
		t.Fatal("docs/browser.md has no ", language)
	}
	return block
}

// freePort is one that nobody has.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// TestBehindProxies: the page below a path of Caddy and of nginx, as the documentation has them configured: a student logs in,
// types a message in the terminal, sees the task turn green by itself, and reads mail; cookies are secure.
func TestBehindProxies(t *testing.T) {
	for _, proxy := range []struct {
		program string
		config  func(t *testing.T, dir, port, page string) []string
	}{{"caddy", caddy}, {"nginx", nginx}} {
		t.Run(proxy.program, func(t *testing.T) {
			if _, err := exec.LookPath(proxy.program); err != nil {
				t.Skipf("no %s here (apt-get install %[1]s): the page is not tried behind it", proxy.program)
			}
			c := newClass(t, "amiens-smtp-pop-imap", "alice")
			c.serves(&control.Page{Proxies: []string{"127.0.0.1"}})
			c.later()
			dir, port := t.TempDir(), freePort(t)
			run(t, dir, proxy.config(t, dir, port, strings.TrimSuffix(strings.TrimPrefix(c.address, "http://"), "/")))
			c.through(t, "https://localhost:"+port+"/maillab/")
		})
	}
}

// caddy writes its configuration and says how it is started.
func caddy(t *testing.T, dir, port, page string) []string {
	config := strings.NewReplacer("class.example.org", "localhost:"+port, "127.0.0.1:10082", page).Replace(documented(t, "caddyfile"))
	config = "{\n\tadmin off\n\tauto_https disable_redirects\n\tskip_install_trust\n\tlocal_certs\n}\n" + config
	write(t, filepath.Join(dir, "Caddyfile"), config)
	return []string{"caddy", "run", "--config", filepath.Join(dir, "Caddyfile"), "--adapter", "caddyfile"}
}

// nginx does the same.
func nginx(t *testing.T, dir, port, page string) []string {
	text, _ := issued(t)
	write(t, filepath.Join(dir, "both.pem"), text)
	config := strings.NewReplacer("listen 443 ssl", "listen 127.0.0.1:"+port+" ssl", "class.example.org", "localhost", "127.0.0.1:10082", page,
		"/etc/ssl/class.pem", filepath.Join(dir, "both.pem"), "/etc/ssl/class.key", filepath.Join(dir, "both.pem")).Replace(documented(t, "nginx"))
	var temporary strings.Builder
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&temporary, "%s_temp_path %s;\n", kind, filepath.Join(dir, kind))
	}
	write(t, filepath.Join(dir, "nginx.conf"), "daemon off;\nworker_processes 1;\npid "+filepath.Join(dir, "pid")+";\nevents {}\nhttp {\naccess_log off;\n"+temporary.String()+config+"}\n")
	return []string{"nginx", "-e", "stderr", "-c", filepath.Join(dir, "nginx.conf")}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// run starts a program, which ends with the test.
func run(t *testing.T, dir string, command []string) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	said, err := os.Create(filepath.Join(dir, "said"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		_ = cmd.Wait() // it was interrupted
		if _, err := said.Seek(0, io.SeekStart); err == nil && t.Failed() {
			text, _ := io.ReadAll(said)
			t.Logf("%s:\n%s", command[0], text)
		}
		said.Close()
	})
}

// through is a student's way through a proxy.
func (c *class) through(t *testing.T, address string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	for { // until the proxy listens
		response, err := client.Get(address)
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				break
			}
		}
		if t.Context().Err() != nil {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond) // between two looks
	}
	w := &window{browsertest.Open(t, address, chromedp.IgnoreCertErrors)}
	w.login("alice", "master2021")
	w.Shows("$")
	w.Keys()
	w.Enter("telnet localhost 25")
	w.Shows("220 ")
	for _, line := range []string{"HELO pc", "MAIL FROM:<util1>", "RCPT TO:<util11>", "DATA", "bonjour", ".", "QUIT"} {
		w.Enter(line)
	}
	w.until(`document.querySelector("#task-message-simple.passed")`)
	w.do(chromedp.Click(`.places a[href="mail"]`), chromedp.WaitReady(".letters .rows"))
	cookies, err := chromedp.Call(w.Ctx, network.GetCookies, network.GetCookiesParams{})
	if err != nil {
		t.Fatal(err)
	}
	if len(cookies.Cookies) != 1 || !cookies.Cookies[0].Secure || cookies.Cookies[0].Path != "/maillab" {
		t.Errorf("%+v", cookies.Cookies)
	}
	w.do(chromedp.Submit(`form[action="logout"]`), chromedp.WaitReady("#password"))
}
