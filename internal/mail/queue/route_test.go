package queue

import (
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"maillab/internal/spec"
)

// freePort finds a loopback port that nobody listens on just now.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// until polls for a state that only the system knows.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for limit := time.Now().Add(20 * time.Second); !is(); {
		if time.Now().After(limit) {
			t.Fatal("waited in vain: ", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// TestOnlyTheOwnersListener never speaks to somebody else's server.
func TestOnlyTheOwnersListener(t *testing.T) {
	for _, c := range []struct {
		owner string
		uid   int
		want  string
	}{
		{"util5", 1006, "is not listened on by util5"},
		{"util5", 33, "is not listened on by util5"},
		{"", 33, "is not listened on by an account of this server"},
	} {
		t.Run(fmt.Sprint(c.owner, c.uid), func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			spoken := make(chan struct{})
			go func() {
				if conn, err := l.Accept(); err == nil {
					_ = conn.Close()
					close(spoken)
				}
			}()
			b := newBench(t, func(cfg *Config) {
				cfg.Routes = []spec.Route{{To: "liste@local.isri.fr", Via: l.Addr().String(), Account: c.owner}}
				cfg.ListenerOwner = func(string) (int, bool) { return c.uid, true }
			})
			b.run(t)
			b.send(t, "x\r\n", "util1", "liste")
			b.log.wait(t, "dsn=4.4.1, status=deferred", c.want)
			select {
			case <-spoken:
				t.Error("somebody else's listener was connected to")
			default:
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	address := freePort(t)
	b := newBench(t, func(c *Config) {
		c.Routes = []spec.Route{{To: "liste@local.isri.fr", Via: address, Account: "util5"}}
	})
	b.run(t)
	b.send(t, "x\r\n", "util1", "liste")
	b.log.wait(t, "relay=none", "status=deferred (connect to 127.0.0.1["+"127.0.0.1]:", "Connection refused)")
}

func TestListenerOwner(t *testing.T) {
	for _, network := range []string{"127.0.0.1:0", ":0", "[::1]:0"} {
		l, err := net.Listen("tcp", network)
		if err != nil {
			t.Logf("%s: %v", network, err)
			continue
		}
		_, port, _ := net.SplitHostPort(l.Addr().String())
		host := "127.0.0.1"
		if network == "[::1]:0" {
			host = "::1"
		}
		uid, ok := ListenerOwner(net.JoinHostPort(host, port))
		if !ok || uid != os.Getuid() {
			t.Errorf("%s: got %d, %v, want %d", network, uid, ok, os.Getuid())
		}
		_ = l.Close()
		if _, ok := ListenerOwner(net.JoinHostPort(host, port)); ok {
			t.Errorf("%s: still there after closing", network)
		}
	}
}

func TestOwnerOfTheNearestSocket(t *testing.T) {
	const tcp = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:09DD 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1006        0 1 1
   1: 0100007F:09DD 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1005        0 1 1
   2: 0100007F:09DE 0100007F:0019 01 00000000:00000000 00:00000000 00000000  1007        0 1 1
`
	sockets := parseListeners([]byte(tcp))
	for _, c := range []struct {
		address string
		uid     int
		ok      bool
	}{
		{"127.0.0.1:2525", 1005, true}, {"localhost:2525", 1005, true}, {"127.0.0.2:2525", 1006, true},
		{"127.0.0.1:2526", 0, false}, {"nonsense", 0, false}, {"[::1]:2525", 0, false},
	} {
		if uid, ok := ownerOf(c.address, sockets); uid != c.uid || ok != c.ok {
			t.Errorf("%s: got %d %v, want %d %v", c.address, uid, ok, c.uid, c.ok)
		}
	}
}

// routeTo is a route of the lab.
func routeTo(name, via string) spec.Route { return spec.Route{To: name + "@local.isri.fr", Via: via} }
