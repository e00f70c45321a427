package fault

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// pair is a connection with faults on its server's end.
func pair(t *testing.T, faults ...Fault) (client net.Conn, server *Conn, told *[]string) {
	t.Helper()
	client, end := net.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	server = Wrap(ctx, end, faults, func(Fault) float64 { return 1 })
	told = &[]string{}
	server.Tell(func(text string) { *told = append(*told, text) })
	t.Cleanup(func() { cancel(); client.Close(); end.Close() })
	return client, server, told
}

// TestLines: what each fault does to a line, in time that only passes where all wait.
func TestLines(t *testing.T) {
	second := Length(time.Second)
	for name, c := range map[string]struct {
		fault Fault
		does  func(t *testing.T, client net.Conn, server *Conn)
		takes time.Duration
	}{
		"latency": {Fault{Type: "latency", Latency: 2 * second, Jitter: second}, func(t *testing.T, client net.Conn, server *Conn) {
			go func() { _, _ = server.Write([]byte("220 hello\r\n")) }()
			reads(t, client, "220 hello\r\n")
		}, 3 * time.Second},
		"bandwidth": {Fault{Type: "bandwidth", Rate: 10}, func(t *testing.T, client net.Conn, server *Conn) {
			go func() { _, _ = server.Write([]byte(strings.Repeat("x", 21))) }()
			reads(t, client, strings.Repeat("x", 21))
		}, 2 * time.Second},
		"bandwidth, the other way": {Fault{Type: "bandwidth", Rate: 10}, func(t *testing.T, client net.Conn, server *Conn) {
			go func() { _, _ = client.Write([]byte("quit\r\n....")) }()
			reads(t, server, "quit\r\n....")
		}, time.Second},
		"slow_close": {Fault{Type: "slow_close", Delay: 5 * second}, func(t *testing.T, client net.Conn, server *Conn) {
			go server.Close()
			ends(t, client)
		}, 5 * time.Second},
		"timeout": {Fault{Type: "timeout", Timeout: 3 * second}, func(t *testing.T, client net.Conn, server *Conn) {
			go func() { _, _ = server.Write([]byte("never seen")) }()
			go func() { _, _ = client.Write([]byte("swallowed")) }()
			go func() { _, _ = server.Read(make([]byte, 10)) }()
			ends(t, client)
		}, 3 * time.Second},
		"reset_peer": {Fault{Type: "reset_peer", Timeout: 2 * second}, func(t *testing.T, client net.Conn, server *Conn) {
			go func() { _, _ = server.Write([]byte("220 ")) }()
			reads(t, client, "220 ")
			ends(t, client)
		}, 2 * time.Second},
		"limit_data": {Fault{Type: "limit_data", Bytes: 8}, func(t *testing.T, client net.Conn, server *Conn) {
			go func() { _, _ = server.Write([]byte("220 ")) }()
			reads(t, client, "220 ")
			go func() { _, _ = client.Write([]byte("helo x\r\n")) }()
			reads(t, server, "helo")
			ends(t, client)
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, server, told := pair(t, c.fault)
				begin := time.Now()
				c.does(t, client, server)
				if took := time.Since(begin); took != c.takes {
					t.Errorf("it took %s, want %s", took, c.takes)
				}
				if len(*told) == 0 || (*told)[0] != c.fault.String() {
					t.Errorf("told: %q", *told)
				}
			})
		})
	}
}

func reads(t *testing.T, from io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(from, got); err != nil || string(got) != want {
		t.Errorf("%q, %v, want %q", got[:n], err, want)
	}
}

func ends(t *testing.T, from net.Conn) {
	t.Helper()
	if text, err := io.ReadAll(from); err != nil || len(text) > 0 {
		t.Errorf("%q, %v", text, err)
	}
}

// TestCut: what is written passes up to the last octet that may, and who writes is told that the rest did not.
func TestCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, _ := pair(t, Fault{Type: "limit_data", Bytes: 8})
		go func() {
			if n, err := server.Write([]byte("220 hello\r\n")); n != 8 || !errors.Is(err, net.ErrClosed) {
				t.Errorf("%d octets, %v", n, err)
			}
		}()
		reads(t, client, "220 hell")
		ends(t, client)
		synctest.Wait()
	})
}

// TestDeadlines: a reader's patience counts on a line with faults, too.
func TestDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, server, _ := pair(t, Fault{Type: "timeout", Timeout: Length(time.Hour)})
		_ = server.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := server.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
	})
}

// TestMessage: a longer message breaks off, a shorter one passes.
func TestMessage(t *testing.T) {
	for text, want := range map[string]error{"short": nil, "much longer": ErrBroken} {
		got, err := io.ReadAll(Message(strings.NewReader(text), Fault{Bytes: 6}))
		if !errors.Is(err, want) || string(got) != text[:min(len(text), 6)] {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}
