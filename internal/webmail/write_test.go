package webmail

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// letter is a form that is filled in.
func filled(to, subject, text string, more ...string) url.Values {
	form := url.Values{"to": {to}, "subject": {subject}, "text": {text}, "once": {to + subject + text}}
	for i := 0; i+1 < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return form
}

// TestWriting: a letter arrives as it was written, a copy stays, and sending the form again sends nothing.
func TestWriting(t *testing.T) {
	r := newRoom(t, "amiens-smtp-pop-imap", "util1", "master2021")
	r.emptied("util1", "master2021")
	form := filled("util1, Été <UTIL1@local.isri.fr>", "Un café", "Bonjour,\r\n.\r\nFrom là\r\n-- \r\nutil1", "bcc", "tech")
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			status, body, header := r.post("mail-send", form)
			if status != http.StatusSeeOther || !strings.HasPrefix(header.Get("Location"), "mail?acct=util1&once=") || !strings.HasSuffix(header.Get("Location"), "&told=sent") {
				t.Errorf("%d %s %v", status, body, header)
			}
		})
	}
	all.Wait()
	links := r.messages("mail?told=sent")
	if len(links) != 1 {
		t.Fatalf("%d letters have arrived", len(links))
	}
	defer func() {
		form.Set("text", "another, written over the first")
		if r.post("mail-send", form); len(r.messages("mail")) != 2 {
			t.Error("what was changed after it was sent is not sent")
		}
	}()
	_, message, _ := r.get(links[0])
	holds(t, "the message", message, "Un café", "Bonjour,\n.\nFrom là\n-- \nutil1", "Été &lt;UTIL1@local.isri.fr&gt;")
	_, source, _ := r.get(strings.Replace(links[0], "mail-message", "mail-source", 1))
	holds(t, "the source", source, "User-Agent: "+Name, "Date: Thu, 26 Mar 2026 11:00:00 &#43;0000", "Content-Transfer-Encoding: quoted-printable", "Mime-Version: 1.0", "Message-Id: &lt;")
	lacks(t, "the source", source, "Bcc", "tech")
	sent := r.messages("mail?box=INBOX.Sent")
	if len(sent) != 1 {
		t.Fatalf("%d copies", len(sent))
	}
	r.post("mail-open", url.Values{"acct": {"tech"}, "password": {"mdp"}})
	if got := r.messages("mail?acct=tech"); len(got) == 0 {
		t.Error("the hidden copy has not arrived")
	}
}

var field = regexp.MustCompile(`name="(\w+)" value="([^"]*)"`)

// TestAnswer: an answer quotes, continues the thread, goes to whom it should, and marks the message.
func TestAnswer(t *testing.T) {
	r := newRoom(t, "amiens-smtp-pop-imap", "util1", "master2021")
	r.emptied("util1", "master2021")
	r.arrived("util1", "From: Bob <util2@local.isri.fr>\r\nTo: util1@local.isri.fr, util3@local.isri.fr\r\nCc: tech@local.isri.fr\r\nSubject: RE: hello\r\n"+
		"Message-ID: <two@x>\r\nReferences: <zero@x>\r\n <one@x> <bad id> <>\r\n\r\nline one\r\n> quoted\r\n\r\n-- \r\nBob\r\n")
	link := r.messages("mail")[0]
	_, form, _ := r.get(strings.Replace(link, "mail-message", "mail-write", 1) + "&all=1")
	got := url.Values{}
	for _, m := range field.FindAllStringSubmatch(form, -1) {
		got.Set(m[1], strings.NewReplacer("&lt;", "<", "&gt;", ">").Replace(m[2]))
	}
	for name, want := range map[string]string{"to": "Bob <util2@local.isri.fr>", "cc": "util3@local.isri.fr, tech@local.isri.fr", "subject": "RE: hello", "references": "<zero@x> <one@x> <two@x> "} {
		if got.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, got.Get(name), want)
		}
	}
	holds(t, "the form", form, "Bob wrote:\n&gt; line one\n&gt;&gt; quoted\n\n")
	got.Set("to", "util1")
	got.Set("cc", "")
	got.Set("text", "yes")
	if status, body, _ := r.post("mail-send", got); status != http.StatusSeeOther {
		t.Fatal(status, body)
	}
	links := r.messages("mail")
	_, source, _ := r.get(strings.Replace(links[0], "mail-message", "mail-source", 1))
	holds(t, "the answer", source, "In-Reply-To: &lt;two@x&gt;", "References: &lt;zero@x&gt; &lt;one@x&gt; &lt;two@x&gt;", "Content-Transfer-Encoding: 7bit")
	_, list, _ := r.get("mail")
	holds(t, "the list", list, `title="answered"`)
}

// TestRefused: what cannot be sent is sent to nobody, and comes back as it was written, with why.
func TestRefused(t *testing.T) {
	r := newRoom(t, "amiens-smtp-pop-imap", "util1", "master2021")
	r.emptied("util1", "master2021")
	for name, c := range map[string]struct {
		form   url.Values
		status int
		want   string
	}{
		"nobody":            {filled("", "s", "t"), 422, "one address at least"},
		"no such account":   {filled("util1, nobody.here", "s", "t"), 422, "nobody.here@local.isri.fr"},
		"a group":           {filled("friends: util1;", "s", "t"), 422, "is no address"},
		"no address":        {filled("@local.isri.fr", "s", "t"), 422, "is no address"},
		"a line in To":      {filled("util1\r\nBcc: tech", "s", "t"), 422, "single line"},
		"a line in Cc":      {filled("util1", "s", "t", "cc", "util1\nX: y"), 422, "single line"},
		"a line in Subject": {filled("util1", "s\r\nBcc: tech\r\n\r\nbody", "t"), 422, "single line"},
		"a long subject":    {filled("util1", strings.Repeat("x", maxSubject+1), "t"), 422, "single line"},
		"a long text":       {filled("util1", "s", strings.Repeat("x", maxText+1)), 422, "too long"},
		"many":              {filled(strings.Repeat("util1, ", 1)+manyNames(), "s", "t"), 422, "100 at a time"},
		"another account":   {filled("util1", "s", "t", "acct", "tech"), 401, "not open here"},
	} {
		status, body, _ := r.post("mail-send", c.form)
		if status != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s: %d %.600s", name, status, body)
		}
		if !strings.Contains(body, ">\nt</textarea>") && name != "a long text" {
			t.Errorf("%s: the text is lost", name)
		}
	}
	if got := r.messages("mail"); len(got) != 0 {
		t.Errorf("%d letters were sent", len(got))
	}
	r.away.Store(true)
	if status, body, _ := r.post("mail-send", filled("util1", "s", "my <text>")); status != http.StatusBadGateway || !strings.Contains(body, "my &lt;text&gt;") {
		t.Errorf("%d %s", status, body)
	}
	r.away.Store(false)
	if status, _, _ := r.post("mail-send", filled("util1", "s", "my <text>")); status != http.StatusSeeOther {
		t.Error("it cannot be sent again: ", status)
	}
	if got := r.messages("mail"); len(got) != 1 {
		t.Errorf("%d letters have arrived", len(got))
	}
}

func manyNames() string {
	var names []string
	for i := range maxRecipients + 1 {
		names = append(names, fmt.Sprintf("u%d", i))
	}
	return strings.Join(names, ",")
}

// TestAuth: where the server wants to know who sends, it is told with the account's password.
func TestAuth(t *testing.T) {
	s := compiled(t, "amiens-smtp-pop-imap")
	s.Services.SMTP.Auth = "required"
	r := newRoomOf(t, s, "util1", "master2021")
	r.emptied("util1", "master2021")
	if status, body, _ := r.post("mail-send", filled("util1", "s", "t")); status != http.StatusSeeOther {
		t.Fatal(status, body)
	}
	links := r.messages("mail")
	if len(links) != 1 {
		t.Fatal(links)
	}
	_, source, _ := r.get(strings.Replace(links[0], "mail-message", "mail-source", 1))
	holds(t, "the source", source, "with ESMTPA id")
}

// TestHostileForm: what is forged in fields that nobody sees does not get into a header.
func TestHostileForm(t *testing.T) {
	r := newRoom(t, "amiens-smtp-pop-imap", "util1", "master2021")
	r.emptied("util1", "master2021")
	form := filled("\"a\\\" <tech>\" <util1>", "s", "t\x00\x1b[2J\ruh", "references", "<a@b>\r\nBcc: tech\r\n <c@d> <e\r\nX: f>", "abox", "INBOX\r\nA LOGOUT", "auid", "1", "av", "1")
	if status, body, _ := r.post("mail-send", form); status != http.StatusSeeOther {
		t.Fatal(status, body)
	}
	links := r.messages("mail")
	if len(links) != 1 {
		t.Fatal(links)
	}
	_, source, _ := r.get(strings.Replace(links[0], "mail-message", "mail-source", 1))
	holds(t, "the source", source, "References: &lt;a@b&gt; &lt;c@d&gt;", "t[2Juh")
	lacks(t, "the source", source, "\nBcc:", "\nX: f")
}

// TestMoving: to the trash and out of it for good, elsewhere, read and unread.
func TestMoving(t *testing.T) {
	r := newRoom(t, "amiens-smtp-pop-imap", "util1", "master2021")
	r.emptied("util1", "master2021")
	c := r.client("util1", "master2021")
	for i := range 3 {
		r.held(c, fmt.Sprintf("Subject: number %d\r\n\r\n\r\n", i))
	}
	if err := c.Create("INBOX.Été", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	do := func(page, what string, more ...string) string {
		t.Helper()
		link := r.messages(page)[0]
		q, _ := url.ParseQuery(strings.TrimPrefix(link, "mail-message?"))
		q.Set("do", what)
		for i := 0; i+1 < len(more); i += 2 {
			q.Set(more[i], more[i+1])
		}
		status, body, header := r.post("mail-do", q)
		if status != http.StatusSeeOther {
			t.Fatalf("%s: %d %s", what, status, body)
		}
		_, body, _ = r.get(header.Get("Location"))
		return body
	}
	holds(t, "read", do("mail", "seen"), "2 unread")
	holds(t, "unread", do("mail", "unseen"), "3 unread")
	holds(t, "moved", do("mail", "move", "into", "INBOX.Été"), "Moved.", "1 to 2 of 2")
	if _, body, _ := r.get("mail?box=" + url.QueryEscape("INBOX.Été")); !strings.Contains(body, "number 2") || !strings.Contains(body, ">Été<") {
		t.Error("it was not moved: ", body)
	}
	holds(t, "thrown away", do("mail", "delete"), "trash", "1 to 1 of 1")
	holds(t, "gone for good", do("mail?box=INBOX.Trash", "delete"), "Deleted for good.", "No messages here")
	left, _ := url.ParseQuery(r.messages("mail")[0])
	uid := left["uid"]
	for name, form := range map[string]url.Values{
		"nothing":      {"do": {"delete"}},
		"no such verb": {"uid": uid, "do": {"format"}},
		"nowhere":      {"uid": uid, "do": {"move"}, "into": {"INBOX.none"}},
		"outside":      {"uid": uid, "do": {"move"}, "into": {"../x"}},
	} {
		if status, body, _ := r.post("mail-do", form); status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	if got := r.messages("mail"); len(got) != 1 {
		t.Errorf("%d are left", len(got))
	}
}
