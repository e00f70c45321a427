package classroom

import (
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/control"
)

// TestLetter: what becomes of a file and flags for Zoé, to the octet.
func TestLetter(t *testing.T) {
	const text, body = "MIME-Version: 1.0\nContent-Type: text/plain; charset=us-ascii\nContent-Transfer-Encoding: 7bit\n", "\nhello\n"
	const to = "To: =?utf-8?q?Lef=C3=A8vre_Zo=C3=A9?= <util1>\n"
	for _, c := range []struct {
		name, file, from, subject, want string
	}{
		{"a text", "hello\n", "", "Break", "Subject: Break\n" + to + text + body},
		{"from the teacher", "hello\n", "Prof <prof@u-picardie.fr>", "Break", "From: Prof <prof@u-picardie.fr>\nSubject: Break\n" + to + text + body},
		{"a name of the teacher's", "hello\n", "Éric Prof <prof@u-picardie.fr>", "Break",
			"From: =?utf-8?q?=C3=89ric_Prof?= <prof@u-picardie.fr>\nSubject: Break\n" + to + text + body},
		{"a subject in French", "hello\n", "", "Séance reportée", "Subject: =?utf-8?q?S=C3=A9ance_report=C3=A9e?=\n" + to + text + body},
		{"a subject with a name", "hello\n", "", "For {student}", "Subject: =?utf-8?q?For_Lef=C3=A8vre_Zo=C3=A9?=\n" + to + text + body},
		{"lines of an old Macintosh", "hello\r", "", "x", "Subject: x\n" + to + text + body},
		{"a text in French, from Windows", "Bonjour {student}, été\r\n", "", "x",
			"Subject: x\n" + to + "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nBonjour Lefèvre Zoé, été\n"},
		{"a text that begins with a colon", "Attention: exam\n\nhello\n", "", "x", "Subject: x\n" + to + text + "\nAttention: exam\n\nhello\n"},
		{"a header of its own", "Subject: own\nX-Exam: 3\nTo: all@example.org\nDate: Fri, 26 Mar 2021 08:30:00 +0100\n\nhello\n", "prof@example.org", "not this",
			"From: prof@example.org\nSubject: own\nX-Exam: 3\nTo: all@example.org\nDate: Fri, 26 Mar 2021 08:30:00 +0100\n" + text + body},
		{"a folded field", "Subject: one\n two\nX:\n\tthree\n\nhello\n", "", "", "Subject: one\n two\nX: \n\tthree\n" + to + text + body},
		{"a header only", "Subject: own\n", "", "", "Subject: own\n" + to + text + "\n"},
		{"a header in French", "Subject: été\nTo: Zoé <zoe@example.org>, b@example.org\n\nhello\n", "", "",
			"Subject: =?utf-8?q?=C3=A9t=C3=A9?=\nTo: =?utf-8?q?Zo=C3=A9?= <zoe@example.org>, <b@example.org>\n" + text + body},
		{"an encoding of its own", "Subject: x\nMIME-Version: 1.0\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: 8bit\n\n\xe9t\xe9\n", "", "",
			"Subject: x\nMIME-Version: 1.0\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: 8bit\n" + to + "\n\xe9t\xe9\n"},
		{"a charset of its own", "Subject: x\nContent-Type: text/html; charset=utf-8\n\n<b>é</b>\n", "", "",
			"Subject: x\nContent-Type: text/html; charset=utf-8\n" + to + "MIME-Version: 1.0\nContent-Transfer-Encoding: 8bit\n\n<b>é</b>\n"},
		{"several parts", "Subject: x\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\né\n--b--\n", "", "",
			"Subject: x\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n" + to + "\n--b\n\né\n--b--\n"},
	} {
		l, err := ReadLetter([]byte(c.file), c.from, c.subject)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		got, err := l.For(mailbox(zoe()), forZoe)
		if diff := cmp.Diff(c.want, string(got)); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", c.name, err, diff)
		}
	}
}

func zoe() control.Account { return control.Account{Name: "util1", Student: "Lefèvre Zoé"} }

func forZoe(text string) string { return strings.ReplaceAll(text, "{student}", "Lefèvre Zoé") }

// TestLetterRead: what was written is what a mail reader finds, and no line is longer than mail allows.
func TestLetterRead(t *testing.T) {
	subject, body := strings.Repeat("Été à Amiens, ", 20)+"fin", strings.Repeat("long é ", 400)+"\nand a \x00 in it\n"
	l, err := ReadLetter([]byte(body), "", subject)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := l.For("util1", forZoe)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(string(raw), "\n") {
		if len(line) > lineGood {
			t.Errorf("%d octets: %s", len(line), line)
		}
	}
	m, err := mail.ReadMessage(strings.NewReader(string(raw)))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); got != subject || err != nil {
		t.Errorf("the subject is read as %q, %v", got, err)
	}
	got, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	if string(got) != body || err != nil {
		t.Errorf("the body is read as %q, %v", got, err)
	}
}

// TestLetterRefused: what would be spoilt is refused before anybody gets it.
func TestLetterRefused(t *testing.T) {
	for _, c := range [][4]string{ // file, from, subject, error
		{"hello\n", "", "", "a text without a header"},
		{"", "", "", "a text without a header"},
		{"\xe9t\xe9\n", "", "x", "not in UTF-8"},
		{"Subject: \xe9t\xe9\n\nhello\n", "", "", "Subject: it is not in UTF-8"},
		{"hello\n", "Éric", "x", "From: "},
	} {
		if _, err := ReadLetter([]byte(c[0]), c[1], c[2]); err == nil || !strings.Contains(err.Error(), c[3]) {
			t.Errorf("%q: %v", c[:3], err)
		}
	}
}
