package dialogue

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// session builds a dialogue: each command after its pause, an answer a little later.
func session(answer time.Duration, typed ...any) Dialogue {
	d := Dialogue{Start: time.Date(2026, 3, 26, 11, 0, 0, 0, time.UTC)}
	now := d.Start
	add := func(side Side, kind Kind, text string) {
		d.Lines = append(d.Lines, Line{At: now, From: side, Kind: kind, Text: text})
	}
	add(Server, Reply, "220 hello")
	for i := 0; i < len(typed); i += 2 {
		now = now.Add(time.Duration(typed[i].(float64) * float64(time.Second)))
		text := typed[i+1].(string)
		if text == "(data)" {
			add(Client, Data, "")
		} else {
			add(Client, Command, text)
		}
		now = now.Add(answer)
		add(Server, Reply, "250 ok")
	}
	return d
}

// ahead builds a dialogue whose greeting and whose answers take their time: before each command its pause and how long the
// server was at it.
func ahead(greeting float64, typed ...any) Dialogue {
	d := Dialogue{Start: time.Date(2026, 3, 26, 11, 0, 0, 0, time.UTC)}
	now := d.Start
	after := func(seconds any) time.Time {
		switch s := seconds.(type) {
		case int:
			now = now.Add(time.Duration(s) * time.Second)
		case float64:
			now = now.Add(time.Duration(s * float64(time.Second)))
		}
		return now
	}
	d.Lines = append(d.Lines, Line{At: after(greeting), From: Server, Kind: Reply, Text: "+OK hello"})
	for i := 0; i < len(typed); i += 3 {
		d.Lines = append(d.Lines, Line{At: after(typed[i]), From: Client, Kind: Command, Text: typed[i+2].(string)},
			Line{At: after(typed[i+1]), From: Server, Kind: Reply, Text: "+OK"})
	}
	return d
}

func TestByHand(t *testing.T) {
	for _, c := range []struct {
		name string
		d    Dialogue
		want bool
		why  string
	}{
		{"a person", session(time.Millisecond, 3.2, "helo pv", 6.71, "mail from: president@u-picardie.fr", 4.83, "rcpt to: util11",
			2.12, "data", 11.3, "(data)", 1.91, "quit"), true, "5 lines, with pauses as a person makes: a median of 3.20 s, 1.91 s at least"},
		{"who pastes the body in DATA", session(0, 2.1, "helo pv", 3.1, "mail from: a", 2.13, "rcpt to: b", 1.2, "data", 0.01, "(data)", 1.4, "quit"), true, "5 lines"},
		{"who pastes one line", session(0, 2.1, "helo pv", 5.3, "mail from: a", 0.4, "rcpt to: <pascal.vaniet@u-picardie.fr>", 1.2, "data", 1.4, "quit"), true, "5 lines"},
		{"who knows it by heart", session(0, 0.9, "user util1", 0.85, "pass ********", 0.41, "stat", 0.38, "list", 0.52, "retr 1", 0.47, "quit"), true, "6 lines"},
		{"one line", session(0, 2.3, "quit"), true, "1 line,"},
		{"nothing", session(0), false, "no command was typed"},
		{"a mail client", session(2*time.Millisecond, 0.001, "EHLO laptop", 0.002, "MAIL FROM:<a@b>", 0.001, "RCPT TO:<c@d>", 0.001, "DATA", 0.1, "(data)", 0.001, "QUIT"),
			false, `5 of 5 lines came faster than anybody types, "EHLO laptop" after 0.00 s; 5 lines came at once`},
		{"a mail client far away", session(80*time.Millisecond, 0.08, "EHLO laptop", 0.08, "MAIL FROM:<a@b>", 0.08, "RCPT TO:<c@d>", 0.08, "DATA"), false, "4 of 4 lines came faster"},
		{"pasted at once", session(0, 3.0, "helo pv", 0.0, "mail from: a", 0.0, "rcpt to: b", 0.0, "data", 5.0, "quit", 7.2, "x", 8.8, "y", 3.4, "z"), false, "3 lines came at once"},
		{"a script that sleeps", session(2*time.Millisecond, 1.001, "helo pv", 1.002, "mail from: a", 1.0, "rcpt to: b", 2.003, "data", 1.004, "quit"),
			false, "5 of 5 lines came after pauses of whole half seconds"},
		{"a script that sleeps before each of four lines", session(2*time.Millisecond, 1.002, "USER 20901201", 1.001, "PASS ********", 1.003, "STAT", 1.001, "QUIT"),
			false, "4 of 4 lines came after pauses that are all the same, as a script makes them"},
		{"a script that sleeps for an odd time", session(2*time.Millisecond, 1.702, "USER 20901201", 1.701, "PASS ********", 1.703, "STAT", 1.71, "QUIT"),
			false, "4 of 4 lines came after pauses that are all the same"},
		{"a script that sleeps and does not wait for answers", ahead(0.3, 0.9, 0.4, "USER 20901201", 0.8, 0.2, "PASS ********", 1.0, 0.7, "STAT", 0.5, 0, "QUIT"),
			false, "4 of 4 lines came after pauses that are all the same"},
		{"who makes three equal pauses of four", session(2*time.Millisecond, 1.702, "USER 20901201", 1.701, "PASS ********", 1.703, "STAT", 1.94, "QUIT"), true, "4 lines"},
		{"who types on while the server is slow to answer", ahead(0, 0.9, 0.7, "user util1", 0, 1.1, "pass ********", 0, 0.8, "list", 0.9, 0, "retr 1", 0.8, 0, "quit"),
			true, "5 lines, with pauses as a person makes: a median of 0.90 s, 0.80 s at least"},
		{"a program that waits for slow answers", ahead(0, 0.001, 0.9, "user util1", 0.001, 1.1, "pass ********", 0.001, 0.8, "list", 0.001, 0.7, "quit"),
			false, `1 of 4 lines came faster than anybody types, "user util1" after 0.00 s`},
		{"a program that greets slowly and waits for slow answers", ahead(0.9, 0.001, 0.9, "user util1", 0.001, 1.1, "pass ********", 0.001, 0.8, "list", 0.001, 0.7, "quit"),
			false, "4 lines, each of them there the moment that the server had answered"},
		{"who is heard at tenths of a second only", session(0, 1.5, "user util1", 2.5, "pass ********", 0.5, "stat", 1.0, "list", 0.8, "quit"), true, "5 lines"},
		{"a script that sleeps through slow answers", session(43*time.Millisecond, 1.001, "user util1", 0.959, "pass ********", 0.958, "stat", 0.96, "list", 0.959, "quit"),
			false, "5 of 5 lines came after pauses of whole half seconds"},
	} {
		got, reasons := ByHand(c.d)
		if why := strings.Join(reasons, "; "); got != c.want || !strings.HasPrefix(why, c.why) {
			t.Errorf("%s: %v, %s", c.name, got, why)
		}
	}
}

// TestByHandIsFair: of ten thousand people who type at three to nine characters a second, as good as nobody is accused.
func TestByHandIsFair(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	text := []string{"helo pv", "mail from: util1", "rcpt to: util11", "data", "noop", "quit", "ehlo laptop", "vrfy util1"}
	accused := 0
	for range 10_000 {
		speed := 3 + 6*random.Float64()
		var typed []any
		for range 4 + random.IntN(12) {
			line := text[random.IntN(len(text))]
			think := 0.2 + 2*random.ExpFloat64()
			typed = append(typed, think+float64(utf8.RuneCountInString(line))/speed, line)
		}
		if ok, _ := ByHand(session(time.Millisecond, typed...)); !ok {
			accused++
		}
	}
	if accused > 10 {
		t.Errorf("%d of 10000 accused", accused)
	}
}
