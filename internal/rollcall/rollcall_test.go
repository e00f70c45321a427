package rollcall

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// listening gives a port of a loopback address at which something is done with who comes, and none where nothing listens.
func listening(t *testing.T, address string, do func(net.Conn)) (port int) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go do(conn)
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

// TestCalls: a node whose clock is wrong is found out, one that says no time is reached all the same, and one at which nothing
// listens is not.
func TestCalls(t *testing.T) {
	port := listening(t, "127.0.0.2:0", func(c net.Conn) { fmt.Fprintln(c, time.Now().Add(time.Hour).UnixNano()); c.Close() })
	at := ":" + strconv.Itoa(port)
	listening(t, "127.0.0.3"+at, func(c net.Conn) { fmt.Fprintln(c, "220 mail"); c.Close() })
	o := Order{Port: port, Nodes: []Node{{ID: "a", Address: "127.0.0.1"}, {ID: "b", Address: "127.0.0.2"}, {ID: "c", Address: "127.0.0.3"}, {ID: "d", Address: "127.0.0.4", Manager: true}}}
	found := map[string]Call{}
	for _, c := range Answer(t.Context(), o, "a", 500*time.Millisecond).Calls {
		found[c.To+" "+strconv.Itoa(c.Port)] = c
	}
	p := " " + strconv.Itoa(port)
	if b := found["b"+p]; b.Failed != "" || b.Within == 0 || (b.Ahead-time.Hour).Abs() > time.Minute {
		t.Errorf("%+v", b)
	}
	if c := found["c"+p]; c.Failed != "" || c.Within != 0 {
		t.Errorf("%+v", c)
	}
	for _, one := range []string{"d" + p, "d 2377", "b 7946"} {
		if c, there := found[one]; !there || c.Failed == "" {
			t.Errorf("%s: %+v, %v", one, c, there)
		}
	}
	if _, itself := found["a"+p]; itself || len(found) != 7 {
		t.Errorf("%v", found)
	}
}

// TestSeen: what a machine has.
func TestSeen(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(file, []byte("Filename\tType\tSize\tUsed\tPriority\n/dev/sda2 partition 1024 0 -2\n/swap file 1 0 -3\nSeccomp:\t2\nSeccomp_filters: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if swap(file) != 1025<<10 || swap(file+"not") != 0 || !filtered(file) || filtered(file+"not") {
		t.Error(swap(file), filtered(file))
	}
}
