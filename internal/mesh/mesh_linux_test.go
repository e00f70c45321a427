package mesh

import (
	"bytes"
	"encoding/binary"
	"io"
	"net/netip"
	"testing"
	"time"

	"maillab/internal/control"
	"maillab/internal/handoff"
	"maillab/internal/mail"
)

// TestMajority: how old the oldest vote is that a majority needs; of an even number the first has the casting vote.
func TestMajority(t *testing.T) {
	const now = 100 * time.Second
	at := func(seconds ...int) map[string]time.Duration {
		votes := map[string]time.Duration{}
		for i, s := range seconds {
			if s > 0 {
				votes[string(rune('a'+i))] = time.Duration(s) * time.Second
			}
		}
		return votes
	}
	for _, test := range []struct {
		what  string
		list  string
		self  string
		votes map[string]time.Duration
		want  time.Duration
		ok    bool
	}{
		{"alone", "a", "a", nil, now, true},
		{"the first of two, alone", "ab", "a", nil, now, true},
		{"the second of two, alone", "ab", "b", nil, 0, false},
		{"the second of two hears the first", "ab", "b", at(90), 90 * time.Second, true},
		{"one of three, alone", "abc", "b", nil, 0, false},
		{"one of three hears another", "abc", "b", at(0, 0, 80), 80 * time.Second, true},
		{"the newer of two votes is enough", "abc", "b", at(70, 0, 80), 80 * time.Second, true},
		{"half of four with the first", "abcd", "a", at(0, 60), 60 * time.Second, true},
		{"half of four without it", "abcd", "c", at(0, 0, 0, 60), 0, false},
		{"three of four without the first", "abcd", "c", at(0, 50, 0, 60), 50 * time.Second, true},
		{"who is not in the list needs a majority of it", "abc", "z", at(50), 0, false},
		{"and has one", "abc", "z", at(50, 60), 50 * time.Second, true},
		{"of nobody", "", "z", nil, 0, true},
	} {
		var list []string
		for _, c := range test.list {
			list = append(list, string(c))
		}
		if got, ok := majority(list, test.self, test.votes, now); ok != test.ok || ok && got != test.want && len(list) > 0 {
			t.Errorf("%s: %v, %v", test.what, got, ok)
		}
	}
}

// TestStamps: pictures have one order.
func TestStamps(t *testing.T) {
	in := []Stamp{{}, {1, "a"}, {1, "b"}, {2, "a"}}
	for i, a := range in {
		for j, b := range in {
			if a.newer(b) != (i > j) {
				t.Errorf("%v newer than %v: %v", a, b, a.newer(b))
			}
		}
	}
}

// TestSound: what is wrong with a picture by itself.
func TestSound(t *testing.T) {
	picture := func(ids ...string) control.Doors {
		d := control.Doors{Mesh: &control.Mesh{}}
		for _, id := range ids {
			d.Mesh.Nodes = append(d.Mesh.Nodes, node(id))
		}
		return d
	}
	for want, d := range map[bool][]control.Doors{
		true:  {picture("a"), picture("wk3v6qvy2z4e5b8ucv0v3y6ct", "b")},
		false: {picture("a", "a"), picture(""), picture("gateway"), picture("seat-3"), picture("a/b"), picture("a:1")},
	} {
		for _, d := range d {
			if err := sound(d); (err == nil) != want {
				t.Errorf("%+v: %v", d.Mesh.Nodes, err)
			}
		}
	}
}

// FuzzCall: whatever comes, no more is read than was said, and what was read is what writing it gives.
func FuzzCall(f *testing.F) {
	var good bytes.Buffer
	peer := mail.Peer{Remote: netip.MustParseAddrPort("192.0.2.1:1234")}
	if err := write(&good, Call{Seat: 3, Door: true, Offer: handoff.Offer{Service: "smtp", Peer: peer}}); err != nil {
		f.Fatal(err)
	}
	f.Add(append(good.Bytes(), "220 hello\r\n"...))
	f.Add([]byte("\x00\x02{}"))
	f.Add([]byte("\x00\x03nul"))
	f.Add([]byte("\xff\xff{"))
	f.Add([]byte("\x00\x12{\"seat\":1,\"x\":2} "))
	f.Fuzz(func(t *testing.T, text []byte) {
		in := bytes.NewReader(text)
		var c Call
		err := read(in, &c)
		if len(text) < 2 {
			if err == nil {
				t.Error("nothing is a call")
			}
			return
		}
		length := int(binary.BigEndian.Uint16(text))
		if left := in.Len(); err == nil && left != len(text)-2-length {
			t.Errorf("%d octets are left of %d with a call of %d", left, len(text), length)
		}
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := write(&out, c); err != nil {
			return // it was within the bound only as it was written
		}
		var again Call
		if err := read(io.LimitReader(&out, int64(out.Len())), &again); err != nil || again != c {
			t.Errorf("%+v is read back as %+v, %v", c, again, err)
		}
	})
}
