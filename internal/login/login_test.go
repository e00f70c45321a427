package login

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"maillab/internal/control"
	"maillab/internal/engine"
	"maillab/internal/instance"
)

// host is a gateway with one sandbox behind it, in which an SSH server runs. It lets in what it was told to, and plays
// programs: each says what it was started as, returns what it reads, and ends with the code that it is named after.
type host struct {
	t        *testing.T
	server   ssh.Signer
	told     ssh.PublicKey // the host key that control tells
	silent   bool          // the SSH server says nothing
	accounts []control.Account

	mu      sync.Mutex
	allowed control.Authorize
	logins  []string
	screens []string // what terminals were asked for
}

func newHost(t *testing.T) *host {
	h := &host{t: t, server: newKey(t), accounts: []control.Account{{Name: "util1", Student: "alice"}, {Name: "util2", Student: "bob"}, {Name: "util11", Student: "alice"}}}
	h.told = h.server.PublicKey()
	return h
}

func newKey(t *testing.T) ssh.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// client speaks to the host as a command does to an instance.
func (h *host) client() *control.Client {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, _ *http.Request) {
		control.WriteJSON(w, control.Status{Accounts: h.accounts})
	})
	mux.HandleFunc("GET /v1/hostkey", func(w http.ResponseWriter, _ *http.Request) {
		control.WriteJSON(w, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(h.told))))
	})
	mux.HandleFunc("POST /v1/authorize", func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		defer h.mu.Unlock()
		if err := json.NewDecoder(r.Body).Decode(&h.allowed); err != nil {
			h.t.Error(err)
		}
		control.WriteJSON(w, struct{}{})
	})
	mux.HandleFunc("POST /v1/dial", h.dial)
	server := httptest.NewUnstartedServer(mux)
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	h.t.Cleanup(server.Close)
	c := control.NewClient(func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", server.Listener.Addr().String())
	})
	h.t.Cleanup(c.Close)
	return c
}

// dial joins the request with the SSH server.
func (h *host) dial(w http.ResponseWriter, r *http.Request) {
	out := http.NewResponseController(w)
	_ = out.Flush()
	if h.silent {
		<-r.Context().Done()
		return
	}
	ours, theirs := net.Pipe()
	defer ours.Close()
	go h.serve(theirs)
	go func() { _, _ = io.Copy(ours, r.Body); ours.Close() }()
	buffer := make([]byte, 32<<10)
	for {
		n, err := ours.Read(buffer)
		_, _ = w.Write(buffer[:n])
		if _ = out.Flush(); err != nil {
			return
		}
	}
}

func (h *host) serve(conn net.Conn) {
	defer conn.Close()
	config := &ssh.ServerConfig{PublicKeyCallback: func(c ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		if c.User() != h.allowed.Account || h.allowed.Key != strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))) {
			return nil, errors.New("not let in")
		}
		h.logins = append(h.logins, c.User())
		return nil, nil
	}}
	config.AddHostKey(h.server)
	_, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for c := range channels {
		channel, asked, err := c.Accept()
		if err != nil {
			return
		}
		go h.session(channel, asked)
	}
}

func (h *host) session(channel ssh.Channel, asked <-chan *ssh.Request) {
	for r := range asked {
		if r.WantReply {
			_ = r.Reply(true, nil)
		}
		switch r.Type {
		case "pty-req", "window-change":
			h.mu.Lock()
			h.screens = append(h.screens, screenOf(r))
			h.mu.Unlock()
		case "exec", "shell":
			var what struct{ Command string }
			_ = ssh.Unmarshal(r.Payload, &what) // a shell's is empty
			go play(channel, what.Command)
		}
	}
}

// screenOf is a terminal's kind, columns and rows (RFC 4254, 6.2 and 6.7).
func screenOf(r *ssh.Request) string {
	var pty struct {
		Kind                string
		Columns, Rows, X, Y uint32
		Modes               string
	}
	var size struct{ Columns, Rows, X, Y uint32 }
	if ssh.Unmarshal(r.Payload, &pty) == nil {
		return fmt.Sprintf("%s %dx%d", pty.Kind, pty.Columns, pty.Rows)
	}
	_ = ssh.Unmarshal(r.Payload, &size)
	return fmt.Sprintf("%dx%d", size.Columns, size.Rows)
}

func play(channel ssh.Channel, command string) {
	defer channel.Close()
	fmt.Fprintf(channel, "this is %q\n", command)
	_, _ = io.Copy(channel, channel)
	fmt.Fprint(channel.Stderr(), "and that was all\n")
	var code uint32
	_, _ = fmt.Sscanf(command, "exit %d", &code)
	if command == "kill" {
		_, _ = channel.SendRequest("exit-signal", false, ssh.Marshal(struct {
			Signal  string
			Core    bool
			Message string
			Lang    string
		}{"KILL", false, "", ""}))
		return
	}
	_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Code uint32 }{code}))
}

func alices() instance.Sandbox { return instance.Sandbox{Seat: 1, Students: []string{"alice"}} }

// TestRun: a command gets what is typed, its two streams come back apart, and its code is told; the key was let in for the
// account that it is for, and for a minute.
func TestRun(t *testing.T) {
	h := newHost(t)
	c := h.client()
	for command, want := range map[string]int{"exit 0": 0, "exit 7": 7} {
		var out, errs bytes.Buffer
		code, err := Run(t.Context(), c, alices(), "alice", "", command, strings.NewReader("typed\n"), &out, &errs)
		if err != nil || code != want {
			t.Errorf("%s: %d, %v", command, code, err)
		}
		if out.String() != fmt.Sprintf("this is %q\ntyped\n", command) || errs.String() != "and that was all\n" {
			t.Errorf("%s: %q and %q", command, out.String(), errs.String())
		}
	}
	if h.allowed.Account != "util1" || h.allowed.For != time.Minute || !strings.HasPrefix(h.allowed.Key, "ssh-ed25519 ") {
		t.Errorf("let in: %+v", h.allowed)
	}
	var out bytes.Buffer
	if code, err := Run(t.Context(), c, alices(), "alice", "", "kill", strings.NewReader(""), &out, io.Discard); err == nil && code == 0 {
		t.Error("a command that was killed went well")
	}
}

// TestKeysAreForOnce: what opened one session opens no other.
func TestKeysAreForOnce(t *testing.T) {
	h := newHost(t)
	c := h.client()
	seen := map[string]bool{}
	for range 3 {
		client, err := Open(t.Context(), c, alices(), "alice", "")
		if err != nil {
			t.Fatal(err)
		}
		client.Close()
		if seen[h.allowed.Key] {
			t.Error("the same key again")
		}
		seen[h.allowed.Key] = true
	}
}

// TestWhoseAccount: without a name it is the student's first, and no other student's; a name that is not there is told
// with those that are.
func TestWhoseAccount(t *testing.T) {
	shared := instance.Sandbox{Students: []string{"alice", "bob"}}
	for _, test := range []struct {
		name            string
		sandbox         instance.Sandbox
		student, wanted string
		account, err    string
	}{
		{"her own", alices(), "alice", "", "util1", ""},
		{"another of hers", alices(), "alice", "util11", "util11", ""},
		{"in an isolated sandbox, whoever asks", alices(), "", "", "util1", ""},
		{"bob's, on a shared server", shared, "bob", "", "util2", ""},
		{"who has none", shared, "carol", "", "", "no account of sandbox 0 is carol's"},
		{"nobody's, on a shared server", shared, "", "", "", "no account of sandbox 0 is 's"},
		{"a name that is not there", alices(), "alice", "root", "", `sandbox 1 has no account "root": util1, util2, util11`},
	} {
		h := newHost(t)
		client, err := Open(t.Context(), h.client(), test.sandbox, test.student, test.wanted)
		switch {
		case test.err != "":
			if err == nil || !strings.Contains(err.Error(), test.err) || len(h.logins) > 0 {
				t.Errorf("%s: %v, logged in as %q", test.name, err, h.logins)
			}
		case err != nil:
			t.Errorf("%s: %v", test.name, err)
		default:
			client.Close()
			if len(h.logins) == 0 || h.logins[0] != test.account {
				t.Errorf("%s: logged in as %q", test.name, h.logins)
			}
		}
	}
	h := newHost(t)
	var missing *NoAccountError
	if _, err := Open(t.Context(), h.client(), alices(), "alice", "root"); !errors.As(err, &missing) || missing.Seat != 1 || missing.Wanted != "root" {
		t.Errorf("%v", err)
	}
	if _, err := Open(t.Context(), h.client(), shared, "carol", ""); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("%v", err)
	}
}

// TestAnotherHost: who has not the host key that control told gets neither key nor session.
func TestAnotherHost(t *testing.T) {
	h := newHost(t)
	h.told = newKey(t).PublicKey()
	_, err := Open(t.Context(), h.client(), alices(), "alice", "")
	if err == nil || !strings.Contains(err.Error(), "ssh to sandbox 1 as util1") || !strings.Contains(err.Error(), "host key mismatch") || len(h.logins) > 0 {
		t.Errorf("%v, logged in as %q", err, h.logins)
	}
}

// TestASandboxThatSaysNothing does not keep a command that is to end.
func TestASandboxThatSaysNothing(t *testing.T) {
	h := newHost(t)
	h.silent = true
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := Open(ctx, h.client(), alices(), "alice", ""); err == nil {
		t.Error("it is open")
	}
}

// TestShell: without a terminal a shell reads what is piped to it, and its code is told; with a command it is that.
func TestShell(t *testing.T) {
	h := newHost(t)
	client, err := Open(t.Context(), h.client(), alices(), "alice", "")
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for command, want := range map[string]int{"": 0, "exit 3": 3} {
		var out bytes.Buffer
		code, err := Shell(client, command, "", strings.NewReader("ls\n"), &out, io.Discard)
		if err != nil || code != want || out.String() != fmt.Sprintf("this is %q\nls\n", command) {
			t.Errorf("%q: %d, %v, %q", command, code, err, out.String())
		}
	}
	if len(h.screens) > 0 {
		t.Errorf("a terminal was asked for: %q", h.screens)
	}
}
