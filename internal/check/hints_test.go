package check

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"maillab/internal/dialogue"
	"maillab/internal/lab/task"
	"maillab/internal/progress"
)

// TestNamesWhatWasSeen: what went wrong is told by what the student wrote, in both languages.
func TestNamesWhatWasSeen(t *testing.T) {
	text := task.Check{Mail: &task.Mail{Attachment: &task.Attachment{Name: ".", Type: "^text/plain"}}}
	picture := task.Check{Mail: &task.Mail{Attachment: &task.Attachment{Type: "^image/jpeg$", Same: "/home/util1/enveloppe.jpg"}}}
	mixed := func(boundary, first, second, part string) world {
		return world{mails: []Mail{letter("A1", "util1", 1, fmt.Sprintf("Content-Type: multipart/mixed; boundary=%s\n\n%s\n\nx\n%s\n%s\n", boundary, first, second, part))}}
	}
	attached := "Content-Type: text/plain; name=a.txt\n\ny"
	jpeg := func(name, body string) world {
		return mixed("---00", "-----00", "-----00", "Content-Type: image/jpeg; name="+name+"\nContent-Transfer-Encoding: base64\n\n"+body+"\n-----00--")
	}
	long := base64.StdEncoding.EncodeToString([]byte("\xff\xd8picture" + strings.Repeat("x", 5000)))
	imap := func(lines ...string) world {
		return world{talks: []dialogue.Dialogue{talk("imap", hand, nil, lines...)}}
	}
	session := task.Check{Dialogue: &task.Dialogue{Service: "imap", Exchanges: []task.Exchange{{Command: "(?i)^[^ ]+ +login ", Reply: "^[^ ]+ OK"}, {Command: "(?i)^[^ ]+ +select ", Reply: "^[^ ]+ OK"}}}}
	sends := task.Check{Dialogue: &task.Dialogue{Service: "smtp", Commands: []task.Pattern{"(?i)^mail from:", "(?i)^rcpt to:.*util11", "(?i)^data"}}}
	for name, c := range map[string]struct {
		world  world
		check  task.Check
		en, fr string
	}{
		"curly quotes around a boundary": {mixed("“---00”", "-----00", "-----00", attached), text, "in Content-Type the boundary stands between “; they have to be straight double quotes (\"---00\"), or none", "la balise est entre “ ; il faut des guillemets droits"},
		"single quotes":                  {mixed("'---00'", "-----00", "-----00", attached), text, "the boundary stands between '", "la balise est entre '"},
		"a long dash for two":            {mixed("abc", "–abc", "–abc", attached), text, "a line begins with a long dash (–)", "une ligne commence par un tiret long (–)"},
		"a long dash among many":         {mixed("---00", "–---00", "–---00", attached), text, "a line begins with a long dash (–)", "tiret long"},
		"no name":                        {mixed("---00", "-----00", "-----00", "Content-Disposition: attachment\n\ny\n-----00--"), text, "it has no name (name=… or filename=…)", "elle n'a pas de nom"},
		"another name": {mixed("---00", "-----00", "-----00", attached+"\n-----00--"), task.Check{Mail: &task.Mail{Attachment: &task.Attachment{Name: `\.pdf$`}}},
			"its name, “a.txt”, is not the one asked for", "son nom, « a.txt », n'est pas celui demandé"},
		"another picture":               {jpeg("e.jpg", "AAAA"), picture, "its attachment “e.jpg”: decoded, it is not the same as the lab's file enveloppe.jpg (3 octets, not 9)", "au fichier enveloppe.jpg du laboratoire (3 octets au lieu de 9)"},
		"half a picture":                {jpeg("e.jpg", "/9hwaWN0"), picture, "it is the beginning of enveloppe.jpg: 6 octets of 9", "c'est le début du fichier enveloppe.jpg : 6 octets sur 9"},
		"a line that the terminal cut":  {jpeg("e.jpg", long[:4095]), picture, "a line of base64 was cut at 4095 octets by the terminal", "a été coupée à 4095 octets par le terminal"},
		"no tags":                       {imap("C: login util1 ********", "S: login BAD", "C: select inbox", "S: select BAD"), session, "“login util1 ********”: an IMAP command begins with an identifier of your choice, such as a1 LOGIN", "une commande IMAP commence par un identifiant"},
		"uid without a tag":             {imap("C: a login util1 ********", "S: a OK", "C: uid fetch 1 body[header]", "S: uid BAD"), session, "such as a1 UID", "par exemple a1 UID"},
		"a step that was refused":       {imap("C: a login util1 ********", "S: a OK in", "C: a select Truc", "S: a NO no such mailbox"), session, "to “a select Truc” the server answered “a NO no such mailbox”", "à « a select Truc » le serveur a répondu « a NO no such mailbox »"},
		"a step that is missing":        {imap("C: a login util1 ********", "S: a OK in", "C: a logout", "S: * BYE"), session, "the next, SELECT, is missing", "la suivante, SELECT, manque"},
		"a second word of two is named": {world{talks: []dialogue.Dialogue{talk("smtp", hand, nil, "C: mail from: util1", "C: quit")}}, sends, "the next, RCPT TO, is missing", "la suivante, RCPT TO, manque"},
		"AUTH PLAIN made with echo":     {world{talks: []dialogue.Dialogue{talk("smtp", hand, nil, "C: ehlo x", "S: 250 x", "C: auth plain **** (newline)", "S: 535 no")}}, sends, "ends with a newline, which is part of the password then: echo adds it", "echo l'ajoute, printf non"},
		"digits after \\0":              {imap("C: a authenticate plain", "S: +", "C: ******** (octal)", "S: a NO"), session, `took the digits after \0 for an octal number: write \000`, `écrivez \000`},
		"one NUL only":                  {imap("C: a authenticate plain ******** (NUL)", "S: a NO"), session, "has to have two NUL octets", "deux octets nuls"},
		"the wrong mailbox":             {world{mails: []Mail{letter("A1", "util1", 1, "\nx")}}, task.Check{Mail: &task.Mail{To: "util11"}}, "a message, A1, is in the mailbox of util1: there has to be one in that of util11", "un message, A1, est dans la boîte de util1 : il en faut un dans celle de util11"},
		"a line of the log":             {world{lines: deferred("4bXyz11", "a@b")}, task.Check{Log: &task.Log{Lines: []task.Pattern{"from=<", "status=sent"}}}, "the next, status=sent…, is missing", "la suivante, status=sent…, manque"},
	} {
		got := one(t, &c.world, c.check, progress.Work{})
		if got.State != progress.Failed || !strings.Contains(got.Seen["en"], c.en) || !strings.Contains(got.Seen["fr"], c.fr) {
			t.Errorf("%s: %s\n%s\n%s\nwant %s\n%s", name, got.State, got.Seen["en"], got.Seen["fr"], c.en, c.fr)
		}
	}
}

// TestTagged: a tag may be any word, also one that is a command.
func TestTagged(t *testing.T) {
	for command, want := range map[string]bool{"login a b": true, "LOGOUT": true, "uid fetch 1 all": true, "a login b c": false, "1234 uid fetch 1": false, "list list": false, "noop login a b": false, "": false, "x": false} {
		if got := untagged(turn{command: command}); got != want {
			t.Errorf("%q: %v", command, got)
		}
	}
}
