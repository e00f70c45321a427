package webmail

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestMailbox: the list with what is unread, a message, its source, the folders; reading marks as read, looking at the source
// does not.
func TestMailbox(t *testing.T) {
	r := newRoom(t, "amiens-smtp-pop-imap", "util1", "master2021")
	r.emptied("util1", "master2021")
	r.arrived("util1", "From: \"Bob, the <b>\" <util2@local.isri.fr>\r\nTo: util1\r\nSubject: =?utf-8?q?caf=C3=A9?= <i>\r\n\r\nBonjour <b>toi</b>\r\n")
	status, list, _ := r.get("mail")
	if status != http.StatusOK {
		t.Fatal(status, list)
	}
	holds(t, "the list", list, `class="unread"`, "café &lt;i&gt;", "Bob, the &lt;b&gt;", "Inbox", `1 unread`, `href="mail?acct=util11"`, "asks for its password")
	lacks(t, "the list", list, "<i>", "<b>")
	links := r.messages("mail")
	if len(links) != 1 {
		t.Fatal(links)
	}
	_, source, _ := r.get(strings.Replace(links[0], "mail-message", "mail-source", 1))
	holds(t, "the source", source, "Subject: =?utf-8?q?caf=C3=A9?= &lt;i&gt;", "Received: from", "Bonjour &lt;b&gt;toi", "Return-Path: &lt;util1@local.isri.fr&gt;")
	if _, list, _ = r.get("mail"); !strings.Contains(list, `class="unread"`) {
		t.Error("looking at the source marks as read")
	}
	status, message, _ := r.get(links[0])
	if status != http.StatusOK {
		t.Fatal(status)
	}
	holds(t, "the message", message, "Bonjour &lt;b&gt;toi&lt;/b&gt;", "&#34;Bob, the &lt;b&gt;&#34; &lt;util2@local.isri.fr&gt;", "<title>café &lt;i&gt;</title>")
	if _, list, _ = r.get("mail"); strings.Contains(list, `class="unread"`) {
		t.Error("reading does not mark as read")
	}
	if n := r.dialled.Load(); n > 3 {
		t.Errorf("%d connections for five pages", n)
	}
	_, whole, header := r.get(strings.Replace(links[0], "mail-message", "mail-whole", 1))
	if !strings.Contains(whole, "\r\n\r\nBonjour <b>toi</b>\r\n") || header.Get("Content-Disposition") != `attachment; filename*=utf-8''caf%C3%A9%20_i_.eml` {
		t.Errorf("%q %v", whole, header)
	}
}

// TestPaging: pages of a folder, and of what a search finds.
func TestPaging(t *testing.T) {
	r := newRoom(t, "amiens-smtp-pop-imap", "util1", "master2021")
	r.emptied("util1", "master2021")
	c := r.client("util1", "master2021")
	for i := range 2*pageLength + 3 {
		r.held(c, fmt.Sprintf("Subject: number %d\r\n\r\n%s\r\n", i, []string{"odd été", "even"}[i%2]))
	}
	for _, page := range []struct {
		address     string
		first, rows int
		text        string
	}{
		{"mail", 52, 25, "1 to 25 of 53"}, {"mail?page=2", 27, 25, "26 to 50 of 53"}, {"mail?page=3", 2, 3, "51 to 53 of 53"}, {"mail?page=99", 2, 3, "51 to 53 of 53"},
		{"mail?page=-1", 52, 25, "1 to 25 of 53"}, {"mail?q=even", 51, 25, "1 to 25 of 26"}, {"mail?q=%C3%A9t%C3%A9&page=2", 2, 2, "26 to 27 of 27"}, {"mail?q=number+17", 17, 1, "1 to 1 of 1"},
	} {
		_, body, _ := r.get(page.address)
		if links := r.messages(page.address); len(links) != page.rows {
			t.Errorf("%s: %d rows", page.address, len(links))
		}
		at := strings.Index(body, fmt.Sprintf("<bdi>number %d<", page.first))
		if other := strings.Index(body, "<bdi>number "); at < 0 || at > strings.Index(body[other:], "</tr>")+other {
			t.Errorf("%s does not begin with %d", page.address, page.first)
		}
		holds(t, page.address, body, page.text)
	}
	_, none, _ := r.get("mail?q=" + url.QueryEscape("nothing\r\nA LOGOUT\x00"))
	holds(t, "a search in vain", none, "No message has that in it")
}

// TestAccounts: another account asks for its password, which the server verifies; what is not open is not read.
func TestAccounts(t *testing.T) {
	r := newRoom(t, "amiens-smtp-pop-imap", "util1", "master2021")
	r.arrived("tech", "Subject: secret\r\n\r\nonly for tech\r\n")
	for _, page := range []string{"mail?acct=tech", "mail-message?acct=tech&box=INBOX&uid=1", "mail-source?acct=tech&uid=1", "mail-html?acct=tech&uid=1", "mail-write?acct=tech"} {
		_, body, _ := r.get(page)
		holds(t, page, body, `type="password"`)
		lacks(t, page, body, "secret", "only for tech")
	}
	for _, page := range []string{"mail-part?acct=tech&uid=1&part=1", "mail-whole?acct=tech&uid=1"} {
		if status, body, _ := r.get(page); status == http.StatusOK || strings.Contains(body, "only for tech") {
			t.Errorf("%s: %d %s", page, status, body)
		}
	}
	for _, wrong := range []string{"master2021", "", "mdp\r\nA1 LOGOUT", strings.Repeat("x", 10_000)} {
		if status, body, _ := r.post("mail-open", url.Values{"acct": {"tech"}, "password": {wrong}}); status != http.StatusUnauthorized || !strings.Contains(body, "password is refused") {
			t.Errorf("%.20q: %d %s", wrong, status, body)
		}
	}
	status, _, header := r.post("mail-open", url.Values{"acct": {"tech"}, "password": {"mdp"}})
	if status != http.StatusSeeOther || header.Get("Location") != "mail?acct=tech" {
		t.Fatal(status, header)
	}
	links := r.messages("mail?acct=tech")
	if len(links) == 0 {
		t.Fatal("tech has no mail")
	}
	_, body, _ := r.get(links[0])
	holds(t, "the message", body, "only for tech", "util1")
}

// TestAway: a server that does not answer, a password that has changed, a mailbox that is another one, messages that are gone.
func TestAway(t *testing.T) {
	r := newRoom(t, "amiens-smtp-pop-imap", "util1", "wrong")
	if status, body, _ := r.get("mail"); status != http.StatusUnauthorized || !strings.Contains(body, "password is refused") {
		t.Errorf("%d %s", status, body)
	}
	r = newRoom(t, "amiens-smtp-pop-imap", "util1", "master2021")
	r.arrived("util1", "Subject: here\r\n\r\nhere\r\n")
	link := r.messages("mail")[0]
	for page, want := range map[string]string{
		"mail?box=INBOX.none":                                "no such folder",
		"mail-message?box=INBOX&uid=4000000000":              "not there any more",
		"mail-message?box=INBOX&uid=x":                       "not there any more",
		"mail-part?box=INBOX&uid=1&part=99":                  "not there any more",
		strings.Replace(link, "&v=", "&v=7&x=", 1):           "not there any more",
		"mail?box=" + url.QueryEscape("../../../etc/passwd"): "no such folder",
	} {
		if status, body, _ := r.get(page); status != http.StatusNotFound || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", page, status, body)
		}
	}
	r.mail.Close()
	r.away.Store(true)
	if status, body, _ := r.get("mail"); status != http.StatusBadGateway || !strings.Contains(body, "does not answer") {
		t.Errorf("%d %s", status, body)
	}
}

// TestPasswordChanged: an account whose password is another one now asks for it, and goes on.
func TestPasswordChanged(t *testing.T) {
	r := newRoom(t, "amiens-smtp-pop-imap", "util1", "before")
	_, body, _ := r.get("mail")
	holds(t, "the page", body, `action="mail-open"`, `value="util1"`, "password is refused")
	if status, _, _ := r.post("mail-open", url.Values{"acct": {"util1"}, "password": {"master2021"}}); status != http.StatusSeeOther {
		t.Error(status)
	}
	if len(r.messages("mail")) == 0 {
		t.Error("it does not go on")
	}
}

// TestNoIMAP: a lab without IMAP says what to do, and mail can be written all the same.
func TestNoIMAP(t *testing.T) {
	r := newRoom(t, "hello", "alice", "x")
	r.mail = New(Config{Domain: r.spec.Domain, Accounts: []string{r.spec.Accounts[0].Name}, Services: []string{"smtp"}, Dial: r.dial})
	_, body, _ := r.get("mail")
	holds(t, "the page", body, "no IMAP", "mail-write")
	status, body, header := r.post("mail-send", url.Values{"to": {r.spec.Accounts[0].Name}, "text": {"hello"}})
	if status != http.StatusSeeOther || !strings.HasPrefix(header.Get("Location"), "mail-write") {
		t.Errorf("%d %s", status, body)
	}
}

// TestLines: no more connections than may be, the others wait; what fails takes its connection along.
func TestLines(t *testing.T) {
	r := newRoom(t, "amiens-smtp-pop-imap", "util1", "master2021")
	o := r.mail.opened("util1")
	release, entered := make(chan struct{}), make(chan struct{})
	ended := make(chan error)
	for range maxLines {
		go func() {
			ended <- o.do(t.Context(), func(*line) error { entered <- struct{}{}; <-release; return nil })
		}()
		<-entered
	}
	before := r.dialled.Load()
	waiting := make(chan error, 1)
	go func() { waiting <- o.do(t.Context(), func(*line) error { return nil }) }()
	select {
	case <-waiting:
		t.Error("one too many is let in")
	case <-time.After(20 * time.Millisecond):
	}
	close(release)
	for range maxLines {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	if err := <-waiting; err != nil || r.dialled.Load() != before {
		t.Errorf("it does not take one of those that are there: %v", err)
	}
	broken := fmt.Errorf("broken")
	if err := o.do(t.Context(), func(c *line) error { return broken }); err != broken {
		t.Error(err)
	}
	if len(o.idle) != maxLines-1 {
		t.Errorf("%d lines are kept", len(o.idle))
	}
	_ = o.idle[0].Close() // as when a server is started anew
	_ = o.idle[1].Close()
	if err := o.do(t.Context(), func(c *line) error { return c.Noop().Wait() }); err != nil {
		t.Error("a line that was lost is used: ", err)
	}
}
