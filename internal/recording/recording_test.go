package recording

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/period"
)

// clock goes on by a second whenever it is asked.
func clock() func() time.Time {
	now := time.Date(2026, 3, 26, 10, 9, 0, 0, time.UTC)
	return func() time.Time { now = now.Add(time.Second); return now }
}

func recorded(t *testing.T, pieces ...string) string {
	t.Helper()
	var out strings.Builder
	w, err := NewWriter(&out, Header{Term: Term{Cols: 80, Rows: 24}, Title: "alice"}, clock())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pieces {
		if err := w.Output([]byte(p)); err != nil {
			t.Fatal(err)
		}
	}
	return out.String()
}

func TestFormat(t *testing.T) {
	var out strings.Builder
	w, err := NewWriter(&out, Header{Term: Term{Cols: 80, Rows: 24}}, clock())
	err = errors.Join(err, w.Output([]byte("caf\xc3")), w.Output([]byte("\xa9 \x1b[1m\xff\r\n")), w.Resize(100, 30), w.Mark("reconnected"))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"version":3,"term":{"cols":80,"rows":24},"timestamp":1774519741}
[1.000,"o","caf"]
[1.000,"o","é \u001b[1m` + "\uFFFD" + `\r\n"]
[1.000,"r","100x30"]
[1.000,"m","reconnected"]
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

// A recording that was torn off, or that another program wrote with more in it, is read as far as it is understood.
func TestRead(t *testing.T) {
	text := `{"version":3,"term":{"cols":80,"rows":24,"theme":{"fg":"#fff"}},"command":"bash"}` + "\n# a remark\n" +
		`[0.5,"o","a"]` + "\n" + `[1,"i","typed"]` + "\n" + `[-1,"o","never"]` + "\n" + `[1e300,"o","never"]` + "\n" + `["x"]` + "\n" + `[2.25,"o","b"]` + "\n" + `[1,"o","to`
	var got []Event
	err := Read(strings.NewReader(text), func(h Header) error {
		if h.Term.Cols != 80 {
			t.Errorf("%+v", h)
		}
		return nil
	}, func(e Event) error { got = append(got, e); return nil })
	if diff := cmp.Diff([]Event{{500 * time.Millisecond, Output, "a"}, {time.Second, "i", "typed"}, {2250 * time.Millisecond, Output, "b"}}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	for _, text := range []string{"", "nothing\n", `{"version":2,"width":80,"height":24}` + "\n"} {
		if Read(strings.NewReader(text), func(Header) error { return nil }, func(Event) error { return nil }) == nil {
			t.Errorf("%q is a recording", text)
		}
	}
}

func TestSize(t *testing.T) {
	for data, want := range map[string]bool{"100x30": true, "0x30": false, "100": false, "9999x2": false, "x": false} {
		if _, _, ok := (Event{Code: Resize, Data: data}).Size(); ok != want {
			t.Errorf("%q: %v", data, ok)
		}
	}
}

// Passwords that the protocols echo are left out, however they come; what is not one stays.
func TestMask(t *testing.T) {
	for in, want := range map[string]string{
		"user util1\r\npass master2021\r\n+OK\r\n": "user util1\r\npass **********\r\n+OK\r\n",
		"$ ": "$ ",
		"1234 LOGIN util1 master2021\r\n* OK\r\n":                                                  "1234 LOGIN util1 **********\r\n* OK\r\n",
		`a login "util 1" "mas ter"` + "\r\n":                                                      `a login "util 1" **** ****` + "\r\n",
		"AUTH PLAIN AHV0aWwxAG1hc3Rlcg==\r\n":                                                      "AUTH PLAIN ********************\r\n",
		"auth login\r\n334 VXNlcm5hbWU6\r\ndXRpbDE=\r\n334 UGFzc3dvcmQ6\r\nbWFzdGVy\r\n235 ok\r\n": "auth login\r\n334 VXNlcm5hbWU6\r\n********\r\n334 UGFzc3dvcmQ6\r\n********\r\n235 ok\r\n",
		"\x1b[1mPASS\x1b[0m secret\r\nPASSED 3 of 4\r\nthe password is yours\r\n":                  "\x1b[1mPASS\x1b[0m ******\r\nPASSED 3 of 4\r\nthe password is yours\r\n",
	} {
		for _, size := range []int{1, 3, 1000} {
			var m mask
			got := ""
			for rest := in; rest != ""; {
				n := min(size, len(rest))
				got += m.apply(rest[:n])
				rest = rest[n:]
			}
			if got != want {
				t.Errorf("%q in pieces of %d:\n got %q\nwant %q", in, size, got, want)
			}
		}
	}
}

func TestFull(t *testing.T) {
	var out strings.Builder
	w, err := NewWriter(&out, Header{}, clock())
	if err != nil {
		t.Fatal(err)
	}
	big := []byte(strings.Repeat("x", 1<<20))
	for i := range 10 {
		if err = w.Output(big); err != nil {
			if i != 3 {
				t.Errorf("full after %d MiB", i)
			}
			break
		}
	}
	if !errors.Is(err, ErrFull) || !errors.Is(w.Output(big), ErrFull) || !strings.HasSuffix(out.String(), `[0.000,"m","the recording is full"]`+"\n") {
		t.Errorf("%v, it ends with %q", err, out.String()[out.Len()-60:])
	}
}

func TestPlay(t *testing.T) {
	text := recorded(t, "a", "b", "c")
	var out strings.Builder
	var waited []time.Duration
	p := Player{Speed: 4, Idle: 200 * time.Millisecond, Wait: func(_ context.Context, d time.Duration) error { waited = append(waited, d); return nil }}
	if err := p.Play(t.Context(), strings.NewReader(text), &out); err != nil || out.String() != "abc"+reset {
		t.Error(out.String(), err)
	}
	if diff := cmp.Diff([]time.Duration{200 * time.Millisecond, 200 * time.Millisecond, 200 * time.Millisecond}, waited); diff != "" {
		t.Error(diff)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := (Player{Wait: period.Wait}).Play(ended, strings.NewReader(text), &out); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// What moves, colours and erases is shown; what would do more is not, however it comes.
func TestTame(t *testing.T) {
	for in, want := range map[string]string{
		"\x1b[1;31mred\x1b[0m\r\n\x1b[2J\x1b[H\x1b[?25l\x1b[?1049h":    "\x1b[1;31mred\x1b[0m\r\n\x1b[2J\x1b[H\x1b[?25l\x1b[?1049h",
		"\x1b]52;c;cm0gLXJm\x07a\x1b]0;title\x1b\\b":                   "ab",
		"\x1bPq...\x1b\\c\x1b_secret\x1b\\d\u009b31m":                  "cd31m",
		"\x1b[6n\x1b[c\x1b[?1000h\x1b[?1049;1006h\x1b[21t\x1b[5i\x07e": "e",
		"\x1b(B\x1b(0\x1b7\x1b8\x1bM\x1bc\x1b#8f":                      "\x1b(B\x1b(0\x1b7\x1b8\x1bM8f",
		"\x1b[" + strings.Repeat("1;", 100) + "mg":                     strings.Repeat("1;", 69)[1:] + "mg",
		"café\tü\b": "café\tü\b",
	} {
		for _, size := range []int{1, 1000} {
			var tamed tame
			got := ""
			for rest := []rune(in); len(rest) > 0; {
				n := min(size, len(rest))
				got += tamed.apply(string(rest[:n]))
				rest = rest[n:]
			}
			if got != want {
				t.Errorf("%q:\n got %q\nwant %q", in, got, want)
			}
		}
	}
}

// Whatever a file holds, it is read to an end.
func FuzzRead(f *testing.F) {
	f.Add(`{"version":3,"term":{"cols":80,"rows":24}}` + "\n" + `[0.5,"o","a"]`)
	f.Fuzz(func(t *testing.T, text string) {
		_ = Read(strings.NewReader(text), func(Header) error { return nil }, func(e Event) error {
			if e.After < 0 || e.After > longest {
				t.Errorf("a pause of %v", e.After)
			}
			return nil
		})
		var tamed tame
		if got := tamed.apply(strings.ToValidUTF8(text, "?")); strings.ContainsAny(got, "\x07\u009b\u009d") || strings.Contains(got, "\x1b]") || strings.Contains(got, "\x1bP") {
			t.Errorf("%q is let through", got)
		}
		var m mask
		if got := m.apply(strings.ToValidUTF8(text, "?")); len([]rune(got)) != len([]rune(strings.ToValidUTF8(text, "?"))) {
			t.Error("the mask changes the length")
		}
	})
}
