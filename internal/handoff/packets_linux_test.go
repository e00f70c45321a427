package handoff

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"maillab/internal/mail"
)

// pair is two ends of a connection for packets.
func pair(t *testing.T) (ours, theirs *net.UnixConn) {
	t.Helper()
	ours, file, err := Pair("pair")
	if err != nil {
		t.Fatal(err)
	}
	if theirs, err = FileConn(file); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	return ours, theirs
}

// offer is one of mail from a peer with both addresses.
func offer() Offer {
	return Offer{Service: "smtp", Peer: mail.Peer{Remote: netip.MustParseAddrPort("192.0.2.7:40000"), Local: netip.MustParseAddrPort("[2001:db8::1]:25")}}
}

// TestPackets: what is said comes out as it was, with what was attached, and nothing where nothing was.
func TestPackets(t *testing.T) {
	ours, theirs := pair(t)
	probe := Offer{Service: Control, Probe: true}
	mine := offer()
	for _, p := range []Packet{
		{Token: "one"}, {Offer: &mine}, {Offer: &probe}, {Ask: 7, Relay: true}, {Ask: 7, Address: "192.0.2.1:25"},
		{Ask: 8, Reach: &Reach{Seat: 3, Service: SSH, Peer: mine.Peer}},
		{Ask: 1<<64 - 1, Error: "connection refused", Errno: int(syscall.ECONNREFUSED)},
	} {
		for _, attach := range []bool{false, true} {
			var file *os.File
			if attach {
				r, w, err := os.Pipe()
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				defer w.Close()
				file = w
			}
			if err := Send(ours, p, file); err != nil {
				t.Fatal(err)
			}
			packet, got, err := Receive(theirs, make([]byte, MaxPacket+1))
			var back Packet
			if err := errors.Join(err, Parse(packet, &back)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(p, back, cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" || (got != nil) != attach {
				t.Errorf("attached %v, got %v (-want +got):\n%s", attach, got, diff)
			}
			if got != nil {
				got.Close()
			}
		}
	}
	ours.Close()
	if _, _, err := Receive(theirs, make([]byte, MaxPacket+1)); !errors.Is(err, io.EOF) {
		t.Errorf("after the end: %v", err)
	}
}

// TestPacketsAreBounded, by who sends and by who receives.
func TestPacketsAreBounded(t *testing.T) {
	ours, theirs := pair(t)
	large := Packet{Error: strings.Repeat("x", MaxPacket)}
	for name, send := range map[string]func(*net.UnixConn, any, *os.File) error{"Send": Send, "SendNow": SendNow} {
		if err := send(ours, large, nil); !errors.Is(err, syscall.EMSGSIZE) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, size := range []int{MaxPacket, MaxPacket + 1, MaxPacket + 2} {
		if _, err := ours.Write([]byte(strings.Repeat(" ", size))); err != nil {
			t.Fatal(err)
		}
		packet, _, err := Receive(theirs, make([]byte, MaxPacket+1))
		if err == nil {
			err = Parse(packet, new(Packet))
		}
		if err == nil || size > MaxPacket && !errors.Is(err, syscall.EMSGSIZE) && !strings.Contains(err.Error(), "the limit is 16384") {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

// TestParseIsStrict: what is not known is not guessed at.
func TestParseIsStrict(t *testing.T) {
	for _, text := range []string{"", "{", "EHLO there\r\n", "[]", `"token"`, `{"token":7}`, `{"token":"a","door":1}`, `{"ask":-1}`, `{"ask":1}{"ask":2}`,
		`{"token":"a"} x`, `{"offer":{"service":"smtp","admin":true}}`, `{"offer":{"peer":{"Remote":"nowhere"}}}`} {
		if err := Parse([]byte(text), new(Packet)); err == nil {
			t.Errorf("%q is understood", text)
		}
	}
	var p Packet
	if err := Parse([]byte(" {\"token\":\"a\"}\n "), &p); err != nil || p.Token != "a" {
		t.Errorf("%+v, %v", p, err)
	}
}

// TestSendNow: to who takes nothing it sends until there is no room, and never waits.
func TestSendNow(t *testing.T) {
	ours, theirs := pair(t)
	sent := 0
	for ; sent < 100_000; sent++ {
		err := SendNow(ours, Packet{Ask: 1, Relay: true}, nil)
		if errors.Is(err, syscall.EAGAIN) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if sent < 50 || sent == 100_000 {
		t.Errorf("%d packets found room", sent)
	}
	if _, _, err := Receive(theirs, make([]byte, MaxPacket+1)); err != nil {
		t.Fatal(err)
	}
	for err := error(syscall.EAGAIN); err != nil; { // room is made by and by
		if err = SendNow(ours, Packet{Ask: 2, Relay: true}, nil); err == nil {
			break
		}
		if !errors.Is(err, syscall.EAGAIN) {
			t.Fatal(err)
		}
		if _, _, err := Receive(theirs, make([]byte, MaxPacket+1)); err != nil {
			t.Fatal(err)
		}
	}
	theirs.Close()
	if err := SendNow(ours, Packet{Ask: 3, Relay: true}, nil); !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("to nobody: %v", err)
	}
}

// TestListener: connections come under their peers' addresses, with both directions and both ends; what is no sound offer
// is closed, and keeps nobody else out.
func TestListener(t *testing.T) {
	ours, theirs := pair(t)
	l := Listen(theirs)
	var refused []net.Conn
	wrong := func(text string, attach bool) {
		t.Helper()
		var rights []byte
		if attach {
			end, file, err := Stream()
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			refused, rights = append(refused, end), unix.UnixRights(int(file.Fd()))
		}
		if _, _, err := ours.WriteMsgUnix([]byte(text), rights, nil); err != nil {
			t.Fatal(err)
		}
	}
	wrong(`{"service":"smtp"}`, false) // an offer of nothing
	wrong("{", true)
	wrong(`{"service":"smtp","root":true}`, true)
	wrong(strings.Repeat(" ", MaxPacket+2), true)

	end, file, err := Stream()
	if err != nil {
		t.Fatal(err)
	}
	defer end.Close()
	if err := Send(ours, offer(), file); err != nil {
		t.Fatal(err)
	}
	file.Close()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c := conn.(*Conn)
	if c.Service != "smtp" || c.RemoteAddr().String() != "192.0.2.7:40000" || c.LocalAddr().String() != "[2001:db8::1]:25" {
		t.Errorf("%+v, %v, %v", c.Offer, c.RemoteAddr(), c.LocalAddr())
	}
	for _, e := range refused {
		_ = e.SetReadDeadline(time.Now().Add(time.Minute))
		if n, err := e.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("what was refused is open: %v", err)
		}
		e.Close()
	}
	speak(t, end, c)
	l.Close()
	if _, err := l.Accept(); err == nil {
		t.Error("it accepts after its end")
	}
}

// speak says something both ways, and ends both.
func speak(t *testing.T, a net.Conn, b *Conn) {
	t.Helper()
	for from, to := range map[net.Conn]net.Conn{a: b, b: a} {
		if _, err := from.Write([]byte("220 hello\r\n")); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReaderSize(to, 16).ReadString('\n'); err != nil || line != "220 hello\r\n" {
			t.Errorf("%q, %v", line, err)
		}
	}
	if err := b.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("one direction is ended: %v", err)
	}
	if _, err := a.Write([]byte("x")); err != nil {
		t.Errorf("the other is not: %v", err)
	}
}

// TestWithoutAPeer: the gateway's own connection has the addresses of its socket, and is closed whole where it has no halves.
func TestWithoutAPeer(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	c := &Conn{Conn: b}
	if c.RemoteAddr() != b.RemoteAddr() || c.LocalAddr() != b.LocalAddr() {
		t.Errorf("%v, %v", c.RemoteAddr(), c.LocalAddr())
	}
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("%v", err)
	}
}

// TestFileConn: what is no socket of ours is refused, and closed.
func TestFileConn(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	tcp, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	file, err := tcp.(*net.TCPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []*os.File{null, file} {
		if _, err := FileConn(f); err == nil {
			t.Errorf("%s is a connection", f.Name())
		}
		if err := f.Close(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("%s is left open: %v", f.Name(), err)
		}
	}
}

// FuzzParse: whatever comes, what is understood says the same when it is said again.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{`{"token":"one"}`, `{"ask":7,"address":"192.0.2.1:25"}`, `{"offer":{"service":"smtp","peer":{}}}`, `{"ask":7,"relay":true,"errno":111}`, "{}", "EHLO"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var p, again Packet
		if Parse(text, &p) != nil {
			return
		}
		said, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if err := Parse(said, &again); err != nil && len(said) <= MaxPacket {
			t.Fatalf("%s: %v", said, err)
		}
		if second, _ := json.Marshal(again); len(said) <= MaxPacket && string(second) != string(said) {
			t.Errorf("%s became %s", said, second)
		}
	})
}
