package lesson

import (
	"strings"
	"testing"
	"unicode/utf8"

	"maillab/internal/belongings"
	"maillab/internal/control"
)

// TestSenderOf: who a starting message is from is its return path, else its From; nobody where neither can be read.
func TestSenderOf(t *testing.T) {
	for _, test := range []struct{ header, want string }{
		{"Return-Path: <bounce@list.example>\nFrom: Alice <alice@example.org>\n", "bounce@list.example"},
		{"From: Alice <alice@example.org>\n", "alice@example.org"},
		{"From: =?utf-8?q?L=C3=A9a?= <lea@example.org>\n", "lea@example.org"},
		{"Return-Path: <>\nFrom: alice@example.org\n", "alice@example.org"}, // no address is none
		{"From: a@example.org, b@example.org\n", ""},
		{"From: undisclosed\n", ""},
		{"Subject: none\n", ""},
		{"no header at all", ""},
	} {
		if got := SenderOf(strings.NewReader(test.header + "\nFrom: body@example.org\n")); got != test.want {
			t.Errorf("%q: %q, want %q", test.header, got, test.want)
		}
	}
}

func FuzzSenderOf(f *testing.F) {
	for _, seed := range []string{"From: a@b\n\n", "Return-Path: <a@b>\r\n\r\nx", "From: \"\xff\"@b\n\n", ":\n\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if from := SenderOf(strings.NewReader(text)); !utf8.ValidString(from) || strings.ContainsAny(from, "\r\n") {
			t.Errorf("%q", from)
		}
	})
}

// TestIndexOwner: an entry of a sandbox's archive belongs to the account after the prefix, and to nobody without it.
func TestIndexOwner(t *testing.T) {
	for name, want := range map[string]string{
		indexPrefix + "util1/INBOX.index": "util1", indexPrefix + "util1": "util1", indexPrefix: "", "queue/util1/x": "", "": "",
	} {
		if got := indexOwner(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

// TestParseScope: a scope that there is not is the caller's fault, not the server's.
func TestParseScope(t *testing.T) {
	for text, want := range map[string]belongings.Scope{"": belongings.Mail, "mail": belongings.Mail, "home": belongings.Home, "all": belongings.All} {
		if got, err := parseScope(text); err != nil || got != want {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	_, err := parseScope("everything")
	if told, ok := err.(*control.Error); !ok || told.Status != 400 || told.Text == "" {
		t.Errorf("%v", err)
	}
}

// TestWithDropped: each account is told its own count.
func TestWithDropped(t *testing.T) {
	got := withDropped([]control.ResetAccount{{Name: "util1"}, {Name: "util2", Ended: []string{"mutt"}}}, map[string]int{"util2": 3, "util3": 9})
	if got[0].Dropped != 0 || got[1].Dropped != 3 || got[1].Ended[0] != "mutt" {
		t.Errorf("%+v", got)
	}
}
