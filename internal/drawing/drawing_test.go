package drawing

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/dialogue"
	"maillab/internal/mail"
)

var update = flag.Bool("update", false, "write the golden files anew")

// sent is the first lab sheet's own example, as its dialogue record has it.
func sent() dialogue.Dialogue {
	start := time.Date(2026, 3, 26, 11, 9, 0, 0, time.UTC)
	d := dialogue.Dialogue{Service: "smtp", Start: start}
	at := start
	for _, l := range []string{
		"S:220 test6isri.local.isri.fr ESMTP Postfix (Debian/GNU)", "C:helo pv", "S:250 test6isri.local.isri.fr",
		"C:mail form: util1", "S:501 5.5.4 Syntax: MAIL FROM:<address>", "C:mail from: util1", "S:250 2.1.0 Ok",
		"C:rcpt to: util11", "S:250 2.1.5 Ok", "C:data", "S:354 End data with <CR><LF>.<CR><LF>", "D:", "S:250 2.0.0 Ok: queued as 4bXyz",
		"C:quit", "S:221 2.0.0 Bye",
	} {
		at = at.Add(7 * time.Second)
		line := dialogue.Line{At: at, Text: l[2:]}
		switch l[0] {
		case 'S':
			line.From, line.Kind = dialogue.Server, dialogue.Reply
		case 'C':
			line.From, line.Kind = dialogue.Client, dialogue.Command
		case 'D':
			line.From, line.Kind, line.Bytes = dialogue.Client, dialogue.Data, 26
		}
		d.Lines = append(d.Lines, line)
	}
	return d
}

const arrived = "Return-Path: <util1@local.isri.fr>\nX-Original-To: util11\nDelivered-To: util11@local.isri.fr\n" +
	"Received: from pv (unknown [10.0.2.15])\n\tby test6isri.local.isri.fr (Postfix) with SMTP id 4bXyz\n\tfor <util11>; Thu, 26 Mar 2026 12:09:05 +0100 (CET)\n" +
	"Subject: test\n\nenvoie président\n"

func TestSteps(t *testing.T) {
	steps := Steps(sent(), func(id string) []byte {
		if id != "4bXyz" {
			t.Errorf("asked for %q", id)
		}
		return []byte(arrived)
	})
	want := `[hello] Server: 220 test6isri.local.isri.fr ESMTP Postfix (Debian/GNU)
You: helo pv
Server: 250 test6isri.local.isri.fr
[envelope] You: mail form: util1
Server: 501 5.5.4 Syntax: MAIL FROM:<address>
You: mail from: util1
Server: 250 2.1.0 Ok
You: rcpt to: util11
Server: 250 2.1.5 Ok
[header] You: data
Server: 354 End data with <CR><LF>.<CR><LF>
You: Subject: test
[body] You: envoie président
You: .
Server: 250 2.0.0 Ok: queued as 4bXyz
[farewell] You: quit
Server: 221 2.0.0 Bye`
	if diff := cmp.Diff(want, strings.Join(Told(steps, "en"), "\n")); diff != "" {
		t.Error(diff)
	}
	for _, s := range steps {
		if s.Refused != strings.HasPrefix(s.Text, "501") || (s.Queue != "") != strings.Contains(s.Text, "queued as") {
			t.Errorf("%q: refused %v, queue ID %q", s.Text, s.Refused, s.Queue)
		}
	}
}

func TestAMessageThatIsNotKept(t *testing.T) {
	steps := Steps(sent(), func(string) []byte { return nil })
	if got := Told(steps[11:12], "fr")[0]; got != "[corps] Vous : (un message de 26 octets)" {
		t.Error(got)
	}
}

// Phases of reading: by tag and word in IMAP, by word in POP3; a word that is mistyped changes nothing.
func TestPhases(t *testing.T) {
	for _, c := range []struct {
		service, line string
		now, want     Phase
	}{
		{"imap", "1234 LOGIN tech mdp", Hello, Login},
		{"imap", "1234 uid fetch 1 BODY[HEADER]", Login, Reading},
		{"imap", "1234 FETHC 1", Reading, Reading},
		{"imap", "1234", Login, Login},
		{"imap", "1234 logout", Reading, Farewell},
		{"pop3", "user util1", Hello, Login},
		{"pop3", "retr 1", Login, Reading},
		{"smtp", "auth login", Hello, Login},
		{"smtp", "dXRpbDE=", Login, Login},
		{"smtp", "", Envelope, Envelope},
	} {
		if got := next(c.service, c.line, c.now); got != c.want {
			t.Errorf("%s %q after %s: %s, want %s", c.service, c.line, c.now, got, c.want)
		}
	}
}

func TestLetter(t *testing.T) {
	e := mail.Envelope{Sender: mail.Address{Full: "util1@local.isri.fr"}, Recipients: []mail.Recipient{
		{Address: mail.Address{Full: "util11@local.isri.fr"}}, {Address: mail.Address{Full: "util2@local.isri.fr"}}}}
	l := Open(e, []byte("From: =?utf-8?q?Pr=C3=A9sident?= <president@u-picardie.fr>\nTo: Util11, util12\nSubject: =?utf-8?q?r=C3=A9union?=\n\nx\n"))
	want := Letter{Sender: "util1@local.isri.fr", Recipients: []string{"util11@local.isri.fr", "util2@local.isri.fr"}, Subject: "réunion",
		Named: []Named{{"From", "president@u-picardie.fr"}, {"To", "Util11"}, {"To", "util12"}}}
	if diff := cmp.Diff(want, l); diff != "" {
		t.Error(diff)
	}
	var told []string
	for _, s := range l.Told() {
		told = append(told, s.In("en"))
	}
	if diff := cmp.Diff([]string{
		"The envelope: from <util1@local.isri.fr>, to util11@local.isri.fr, util2@local.isri.fr.",
		"The From field says president@u-picardie.fr: nobody compared it with the envelope.",
		"On the envelope only, no reader sees it: util2@local.isri.fr.",
		"In the header only, this envelope does not lead there: util12.",
	}, told); diff != "" {
		t.Error(diff)
	}
}

// mixed is the first sheet's message with a file, as a student types it.
func mixed(boundary, first, last string) string {
	return "Received: from pv\n\tby x\nSubject: test\nContent-Type: multipart/mixed;\n boundary=\"" + boundary + "\"\n\nThis is a multi-part message.\n" +
		first + "\n\nbla bla\n" + first + "\nContent-Type: text/plain;\n name=\"fichier.txt\"\nContent-Transfer-Encoding: base64\n\nYWJj\nç\n" + last + "\n"
}

func TestDissect(t *testing.T) {
	a := Dissect([]byte(mixed("---00", "-----00", "-----00--")))
	var roles []string
	for _, l := range a.Lines {
		roles = append(roles, strings.TrimSpace(string(l.Role)+" "+l.Part))
	}
	if diff := cmp.Diff([]string{"trace", "trace", "field", "field", "field", "blank", "outside", "delimiter", "blank 1", "content 1",
		"delimiter", "field 2", "field 2", "field 2", "blank 2", "content 2", "content 2", "closing"}, roles); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"multipart/mixed, 154 octets", "  1 text/plain, 7 octets", "  2 text/plain, fichier.txt, base64, 7 octets"}, a.Told("en")); diff != "" {
		t.Error(diff)
	}
	if len(a.Missing) != 0 || a.Lines[16].Fault.In("en") != "This line is not base64." {
		t.Errorf("missing %v, line %+v", a.Missing, a.Lines[16])
	}
}

// What students get wrong is named, at its line where there is one.
func TestFaults(t *testing.T) {
	for name, c := range map[string]struct {
		text, missing string
		faulty        int // lines
	}{
		"no two dashes":     {mixed("-----00", "-----00", "-----00--"), "No line is -------00: the parts that were announced are not parted.", 3},
		"one long dash":     {mixed("00", "–00", "–00–"), "No line is --00: the parts that were announced are not parted.", 3},
		"not closed":        {mixed("---00", "-----00", "-----00"), "The line -----00-- is missing at the end.", 1},
		"no boundary":       {"Content-Type: multipart/mixed\n\nx\n", "Content-Type announces several parts and names no boundary (boundary=).", 0},
		"an ordinary rule":  {mixed("---00", "-----00", "-----00--") + "-----\n", "", 1}, // the line of ç alone
		"a boundary inside": {mixed("---00", "-----00", "-----00--") + "-- 00\n", "", 2},
	} {
		t.Run(name, func(t *testing.T) {
			a := Dissect([]byte(c.text))
			missing := ""
			for _, m := range a.Missing {
				missing += m.In("en")
			}
			faulty := 0
			for _, l := range a.Lines {
				if l.Fault != nil {
					faulty++
				}
			}
			if missing != c.missing || faulty != c.faulty {
				t.Errorf("missing %q, %d faulty lines of %+v", missing, faulty, a.Lines)
			}
		})
	}
}

// Pictures are golden files, to be looked at in a browser: go test -update.
func TestPictures(t *testing.T) {
	e := mail.Envelope{Sender: mail.Address{Full: "util1@local.isri.fr"}, Recipients: []mail.Recipient{{Address: mail.Address{Full: "util11@local.isri.fr"}}}}
	for name, svg := range map[string][]byte{
		"ladder.svg": Ladder("smtp", Steps(sent(), func(string) []byte { return []byte(arrived) }), "fr"),
		"letter.svg": Open(e, []byte("From: president@u-picardie.fr\nTo: util11\nSubject: test\n\nx\n")).Picture("fr"),
		"tree.svg":   Dissect([]byte(mixed("---00", "-----00", "-----00--"))).Tree("fr"),
	} {
		wellFormed(t, svg)
		file := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(file, svg, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(spread(want), spread(svg)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// spread puts each element on a line, for a difference that can be read.
func spread(svg []byte) string { return strings.ReplaceAll(string(svg), "><", ">\n<") }

func wellFormed(t *testing.T, svg []byte) {
	t.Helper()
	for in := xml.NewDecoder(bytes.NewReader(svg)); ; {
		token, err := in.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%v in %s", err, svg)
		}
		if e, ok := token.(xml.StartElement); ok {
			switch e.Name.Local {
			case "svg", "rect", "line", "path", "text", "title":
			default:
				t.Fatalf("an element %s", e.Name.Local)
			}
		}
	}
}

// Whatever somebody sends, the drawing of it is well-formed, bounded, and has no element and no attribute of his.
func FuzzDrawing(f *testing.F) {
	f.Add(mixed("---00", "-----00", "-----00--"))
	f.Add("Content-Type: \"><script>/x; boundary=\"<a\"\n\n--<a\n\x00\xff\n")
	f.Add("From: <x onload=1@y>\nSubject: </text><script>\n\n.")
	f.Fuzz(func(t *testing.T, text string) {
		a := Dissect([]byte(text))
		if len(a.Lines) > anatomyLines || len(a.Parts) > anatomyParts {
			t.Errorf("%d lines, %d parts", len(a.Lines), len(a.Parts))
		}
		e := mail.Envelope{Sender: mail.Address{Full: text}}
		d := sent()
		d.Lines[1].Text = text
		for _, svg := range [][]byte{
			a.Tree("fr"), Open(e, []byte(text)).Picture("en"), Ladder("smtp", Steps(d, func(string) []byte { return []byte(text) }), "en"),
		} {
			wellFormed(t, svg)
		}
	})
}
