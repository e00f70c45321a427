package pop3

import (
	"bufio"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func linesOf(text string) (lines []string, marks int, err error) {
	r := lineReader{in: bufio.NewReader(iotest.OneByteReader(strings.NewReader(text))), marked: func() { marks++ }}
	for {
		line, long, err := r.read()
		if err != nil {
			return lines, marks, err
		}
		if long {
			line = "long: " + line[:3]
		}
		lines = append(lines, line)
	}
}

func TestLines(t *testing.T) {
	for _, c := range []struct {
		in    string
		want  []string
		marks int
	}{
		{"a\r\nb\nc\r\x00d", []string{"a", "b", "c"}, 0},
		{"\r\n\n \r\n", []string{"", "", " "}, 0},
		{"a\rb\r\n", []string{"a\rb"}, 0},
		{"a\x00b\r\n", []string{"a\x00b"}, 0},
		{"\xff\xffa\n", []string{"\xffa"}, 0},
		{"\xff\xfb\x01a\xff\xf1b\n", []string{"ab"}, 0},
		{"\xff\xfd\x06\xff\xfe\x06x\n", []string{"x"}, 1},
		{"\xff\xfa\x01\xff\xff\xf0\n\xff\xf0x\n", []string{"x"}, 0},
		{strings.Repeat("x", 5000) + "\r\nb\n", []string{"long: xxx", "b"}, 0},
	} {
		got, marks, err := linesOf(c.in)
		if diff := cmp.Diff(c.want, got); diff != "" || marks != c.marks || err != io.EOF {
			t.Errorf("%.20q: %s, %d marks, %v", c.in, diff, marks, err)
		}
	}
}

func TestParse(t *testing.T) {
	for line, want := range map[string]command{
		"":                    {},
		" \t ":                {},
		"stat":                {"STAT", "stat", "", ""},
		"  user   util1  ":    {"USER", "user", "util1", "  util1  "},
		"Pass  deux  mots \t": {"PASS", "Pass", "deux  mots", " deux  mots \t"},
		"PASS ":               {"PASS", "PASS", "", ""},
		"PASS  ":              {"PASS", "PASS", "", " "},
		"top\t1\t2":           {"TOP", "top", "1\t2", "1\t2"},
		"ſtat":                {"ſTAT", "ſtat", "", ""}, // no other letter is an s
	} {
		if diff := cmp.Diff(want, parse(line), cmp.AllowUnexported(command{})); diff != "" {
			t.Errorf("%q: %s", line, diff)
		}
	}
}

func TestMasked(t *testing.T) {
	for line, want := range map[string]string{
		"PASS":                  "PASS",
		"pass secret word":      "pass ********",
		"  pass secret":         "pass ********",
		"passsecret":            "pass********",
		"PASS:secret x":         "PASS********",
		"auth plain":            "auth plain",
		"auth plain AGEAYg==":   "auth plain ********",
		"AUTH LOGIN dXRpbDE= x": "AUTH LOGIN ********",
		"user util1":            "user util1",
	} {
		if got := masked(line); got != want {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
}

func TestNumber(t *testing.T) {
	type parsed struct {
		N    int
		Rest string
		OK   bool
	}
	for s, want := range map[string]parsed{
		"":                     {0, "", false},
		"-1":                   {0, "-1", false},
		"12":                   {12, "", true},
		"3x 4":                 {3, "x 4", true},
		"99999999999999999999": {1 << 30, "", true},
	} {
		n, rest, ok := number(s)
		if diff := cmp.Diff(want, parsed{n, rest, ok}); diff != "" {
			t.Errorf("%q: %s", s, diff)
		}
	}
}

// FuzzLines: lines come out without an end of line, of bounded length, and what they say can be echoed; no secret
// stays in what is recorded.
func FuzzLines(f *testing.F) {
	for _, seed := range []string{"user x\r\npass y\n", "\xff\xfd\x06\xff\xfa\xff\xf0\r\x00", "retr 1\n\xff", "auth plain =\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		lines, _, err := linesOf(text)
		if err != io.EOF {
			t.Fatal(err)
		}
		for _, line := range lines {
			if strings.Contains(line, "\n") || len(line) > maxLine {
				t.Errorf("line %q", line)
			}
			c := parse(line)
			if strings.ContainsAny(c.verb, " \t") || c.args != trim(c.args) {
				t.Errorf("%q parsed as %+v", line, c)
			}
			if p := printable(line); strings.ContainsAny(p, "\r\n\x00") || utf8.ValidString(line) && !utf8.ValidString(p) {
				t.Errorf("%q is not to be echoed as %q", line, p)
			}
			if c.verb == "PASS" && c.args != "" && masked(line) != c.typed+" "+secret {
				t.Errorf("%q recorded as %q", line, masked(line))
			}
			if n, rest, ok := number(c.args); n < 0 || ok != (rest != c.args) || !strings.HasSuffix(c.args, rest) {
				t.Errorf("number of %q: %d, %q, %v", c.args, n, rest, ok)
			}
		}
	})
}

// FuzzSession: whatever a client sends, the server answers in whole lines and ends with the connection.
func FuzzSession(f *testing.F) {
	f.Add("USER util1\r\nPASS master2021\r\nRETR 1\r\nTOP 1 0\r\nDELE 1\r\nQUIT\r\n", true)
	f.Add("AUTH PLAIN AHV0aWwxAG1hc3RlcjIwMjE=\nLIST\nUIDL x\nLIST 1\n", false)
	f.Add("auth plain\n*\nstls\ncapa\n\xff\xfd\x06\n", true)
	f.Fuzz(func(t *testing.T, text string, courier bool) {
		wording := Dovecot
		if courier {
			wording = Courier
		}
		client := start(t, Config{Wording: wording}, twoLetters(t))
		go func() {
			_, _ = io.WriteString(client, text)
			_, _ = io.WriteString(client, "\xff\xff\n\nQUIT\n\nQUIT\n") // out of whatever it is in the middle of
			client.Close()
		}()
		in := bufio.NewReader(client)
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			if !strings.HasSuffix(line, "\r\n") || strings.Count(line, "\r") > 1 {
				t.Errorf("%q after %q", line, text)
			}
		}
	})
}
