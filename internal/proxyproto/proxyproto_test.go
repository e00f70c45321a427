package proxyproto

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"testing"
)

func TestRoundTrip(t *testing.T) {
	for _, want := range []Header{
		{Local: true},
		{From: netip.MustParseAddrPort("192.0.2.7:40000"), To: netip.MustParseAddrPort("127.0.0.1:10125")},
		{From: netip.MustParseAddrPort("[2001:db8::7]:40000"), To: netip.MustParseAddrPort("[::1]:10125")},
	} {
		r := bytes.NewReader(append(want.Append(nil), "helo pv\r\n"...))
		got, err := Read(r)
		if err != nil || got != want {
			t.Errorf("read %+v, %v; want %+v", got, err, want)
		}
		if rest, _ := io.ReadAll(r); string(rest) != "helo pv\r\n" {
			t.Errorf("what follows the header is %q", rest)
		}
	}
}

// An IPv4 peer on a listener for both families stays readable as itself.
func TestMappedAddress(t *testing.T) {
	h := Header{From: netip.MustParseAddrPort("[::ffff:192.0.2.7]:1"), To: netip.MustParseAddrPort("[::1]:2")}
	got, err := Read(bytes.NewReader(h.Append(nil)))
	if err != nil || got.From != netip.MustParseAddrPort("192.0.2.7:1") {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestRefused(t *testing.T) {
	good := Header{From: netip.MustParseAddrPort("192.0.2.7:1"), To: netip.MustParseAddrPort("192.0.2.8:2")}.Append(nil)
	udp := bytes.Clone(good)
	udp[13] = 0x12
	huge := bytes.Clone(good)
	huge[14] = 0xff
	for name, text := range map[string][]byte{
		"a command": []byte("helo pv and then some more\r\n"), "cut short": good[:20], "UDP": udp, "huge": huge, "nothing": nil,
	} {
		if h, err := Read(bytes.NewReader(text)); !errors.Is(err, ErrHeader) {
			t.Errorf("%s: got %+v, %v", name, h, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(Header{Local: true}.Append(nil))
	f.Add(Header{From: netip.MustParseAddrPort("192.0.2.7:1"), To: netip.MustParseAddrPort("[::1]:2")}.Append(nil))
	f.Fuzz(func(t *testing.T, text []byte) {
		h, err := Read(bytes.NewReader(text))
		if err != nil || h.Local {
			return
		}
		again, err := Read(bytes.NewReader(h.Append(nil)))
		if err != nil || again != h {
			t.Errorf("%+v comes back as %+v, %v", h, again, err)
		}
	})
}
