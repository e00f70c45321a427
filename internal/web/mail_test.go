package web

import (
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/emersion/go-smtp"

	"maillab/internal/control"
	"maillab/internal/handoff"
	"maillab/internal/mail"
)

// arrived sends a message to an account of a seat, as it is.
func (c *class) arrived(seat int, account, message string) {
	c.t.Helper()
	conn, err := c.Dial(c.t.Context(), control.Target{Seat: seat}, handoff.Offer{Service: "smtp", Peer: mail.Peer{Remote: netip.MustParseAddrPort("192.0.2.8:40000"), Local: netip.MustParseAddrPort("192.0.2.1:25")}})
	if err != nil {
		c.t.Fatal(err)
	}
	s := smtp.NewClient(conn)
	defer s.Close()
	if err := s.SendMail("util3@local.isri.fr", []string{account}, strings.NewReader(message)); err != nil {
		c.t.Fatal(err)
	}
	if err := s.Quit(); err != nil {
		c.t.Fatal(err)
	}
}

var toMessage = regexp.MustCompile(`href="(mail-message\?[^"]+)"`)

// messages are the addresses of the messages in a page.
func messages(page string) (links []string) {
	for _, m := range toMessage.FindAllStringSubmatch(page, -1) {
		links = append(links, strings.ReplaceAll(m[1], "&amp;", "&"))
	}
	return links
}

// TestMail: a student reads and writes in the frame of the page, in the language of it; nobody else does.
func TestMail(t *testing.T) {
	c := newClass(t, "amiens-smtp-pop-imap", "alice", "bruno")
	v := c.browser()
	if status, _, header := v.do("GET", "mail", nil); status != http.StatusSeeOther || header.Get("Location") != "./" {
		t.Error("without a login: ", status, header)
	}
	v.login("alice", "master2021")
	_, token := v.home()
	c.arrived(1, "util1", "Subject: <script>alert(1)</script>\r\n\r\nonly for alice\r\n")
	_, list, header := v.do("GET", "mail", nil)
	for _, want := range []string{`<html lang="fr">`, "Réception", "&lt;script&gt;alert(1)&lt;/script&gt;", "Bienvenue", `href="mail?acct=util11"`, `value="` + token + `"`} {
		if !strings.Contains(list, want) {
			t.Errorf("the list lacks %q", want)
		}
	}
	if policy := header.Get("Content-Security-Policy"); strings.Contains(policy, "unsafe") || strings.Contains(list, "<script>alert") {
		t.Error(policy)
	}
	links := messages(list)
	_, message, _ := v.do("GET", links[0], nil)
	if !strings.Contains(message, "only for alice") {
		t.Error(message)
	}
	if _, english, _ := v.do("GET", "mail?lang=en", nil); !strings.Contains(english, "Inbox") {
		t.Error("it does not speak English")
	}
	letter := url.Values{"to": {"util11"}, "subject": {"s"}, "text": {strings.Repeat("a long text\n", 8000)}, "once": {"1"}}
	if status, _, _ := v.do("POST", "mail-send", letter); status != http.StatusForbidden {
		t.Error("without a token: ", status)
	}
	letter.Set("token", token)
	if status, body, _ := v.do("POST", "mail-send", letter); status != http.StatusSeeOther {
		t.Errorf("%d %s", status, body)
	}
	v.do("POST", "mail-open", url.Values{"acct": {"util11"}, "password": {"master2021"}, "token": {token}})
	if _, other, _ := v.do("GET", "mail?acct=util11", nil); len(messages(other)) != 1 {
		t.Error("it has not arrived: ", other)
	}
	b := c.browser()
	b.login("bruno", "master2021")
	for _, link := range []string{links[0], strings.Replace(links[0], "mail-message", "mail-source", 1), strings.Replace(links[0], "mail-message", "mail-whole", 1)} {
		if _, body, _ := b.do("GET", link, nil); strings.Contains(body, "only for alice") {
			t.Error("bruno reads it")
		}
	}
	v.do("POST", "logout", url.Values{"token": {token}})
	if status, _, _ := v.do("GET", links[0], nil); status != http.StatusSeeOther {
		t.Error("after the end: ", status)
	}
}

// TestMailAttacks: forms of somebody else's site, and paths.
func TestMailAttacks(t *testing.T) {
	c := newClass(t, "amiens-smtp-pop-imap", "alice", "bruno")
	v, b := c.browser(), c.browser()
	v.login("alice", "master2021")
	b.login("bruno", "master2021")
	_, token := v.home()
	_, other := b.home()
	letter := func(token string) url.Values { return url.Values{"to": {"util1"}, "text": {"x"}, "token": {token}} }
	for name, a := range map[string]struct {
		method, path string
		form         url.Values
		headers      []string
		want         int
	}{
		"another's token":     {"POST", "mail-send", letter(other), nil, http.StatusForbidden},
		"another site":        {"POST", "mail-send", letter(token), []string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		"another origin":      {"POST", "mail-do", letter(token), []string{"Origin", "http://evil.example"}, http.StatusForbidden},
		"by its address":      {"GET", "mail-send?" + letter(token).Encode(), nil, nil, http.StatusMethodNotAllowed},
		"deletion, likewise":  {"GET", "mail-do?do=delete&uid=1&token=" + token, nil, nil, http.StatusMethodNotAllowed},
		"a token in the path": {"POST", "mail-send?token=" + token, url.Values{"to": {"util1"}}, nil, http.StatusForbidden},
		"a huge letter":       {"POST", "mail-send", url.Values{"to": {"util1"}, "text": {strings.Repeat("x", 8<<20)}, "token": {token}}, nil, http.StatusRequestEntityTooLarge},
		"a huge other form":   {"POST", "mail-do", url.Values{"uid": {strings.Repeat("1", 100<<10)}, "token": {token}}, nil, http.StatusRequestEntityTooLarge},
		"a path out":          {"GET", "mail-part/../../etc/passwd", nil, nil, http.StatusTemporaryRedirect},
	} {
		if status, body, _ := v.do(a.method, a.path, a.form, a.headers...); status != a.want {
			t.Errorf("%s: %d, want %d: %.200s", name, status, a.want, body)
		}
	}
	if _, list, _ := v.do("GET", "mail", nil); len(messages(list)) != 1 {
		t.Error("something was sent")
	}
}

const hostileHTML = "From: Pub <pub@evil.example>\r\nSubject: offre\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" +
	`<h1 style="color:#a00">Bonjour !</h1><script>top.document.title="run"</script><img src="http://evil.example/x.gif" onerror="top.document.title='run'">` +
	`<a href="javascript:top.location='http://evil.example'">ici</a> <a href="http://evil.example/bank">la banque</a><form action="http://evil.example"><button>x</button></form>` + "\r\n"

// TestMailInABrowser: a student writes, loses the line, writes on, sends, reads and compares with the source; a hostile letter does
// nothing; at every width.
func TestMailInABrowser(t *testing.T) {
	c := newClass(t, "amiens-smtp-pop-imap", "alice")
	c.arrived(1, "util1", hostileHTML)
	w := c.newWindow()
	w.login("alice", "master2021")
	w.do(chromedp.Navigate(c.address+"mail-write"), chromedp.SendKeys("#to", "util1"), chromedp.SendKeys("#letter-subject", "Été"), chromedp.SendKeys("#text", "Une ligne <b>"))
	w.until(`document.querySelector("form.draft").checkValidity()`)
	w.do(chromedp.Navigate(c.address), chromedp.Navigate(c.address+"mail-write"))
	w.until(`document.querySelector("#text").value === "Une ligne <b>" && document.querySelector("#to").value === "util1"`)
	eval[bool](w, `(window.fetch = () => Promise.reject(new Error("lost")), true)`)
	w.do(chromedp.SendKeys("#text", "\nune autre\t\t\r")) // to the button, by keys
	w.until(`!document.querySelector("#notice").hidden && document.querySelector("#text").value.includes("une autre")`)
	w.do(chromedp.Navigate(c.address+"mail-write"), chromedp.SendKeys("#letter-subject", "\t\t\t\r"))
	w.until(`document.querySelector(".done")?.textContent.includes("Envoyé")`)
	w.until(`document.querySelector(".rows tr.unread .subject")?.textContent.includes("Été")`)
	w.shots("liste")
	w.do(chromedp.Navigate(c.address + "mail-write"))
	w.until(`document.querySelector("#text").value === ""`) // the draft is forgotten
	w.shots("ecrire")
	w.do(chromedp.Navigate(c.address + "mail"))
	w.until(`document.querySelectorAll(".rows .subject a")[1]?.click() || true`)
	w.do(chromedp.WaitReady("iframe.html"))
	w.until(`document.querySelector("h1").textContent.includes("offre")`)
	w.shots("html")
	if title := eval[string](w, "document.title"); title != "offre" {
		t.Errorf("a letter has run: %q", title)
	}
	if eval[bool](w, `(() => { try { return !!document.querySelector("iframe.html").contentDocument } catch { return false } })()`) {
		t.Error("a letter has the page's origin")
	}
	w.until(`performance.getEntriesByType("resource").every(e => e.name.startsWith(location.origin))`)
	w.do(chromedp.Navigate(c.address + "mail"))
	w.until(`document.querySelectorAll(".rows .subject a")[0]?.click() || true`)
	w.do(chromedp.WaitReady(".letter .text"))
	w.until(`document.querySelector(".letter .text").textContent.includes("Une ligne <b>\nune autre")`)
	w.shots("message")
	w.until(`[...document.querySelectorAll(".ways a")].at(-1).click() || true`)
	w.do(chromedp.WaitReady("pre.source"))
	w.until(`document.querySelector("pre.source").textContent.includes("User-Agent: maillab-webmail")`)
	w.shots("source")
}

// shots holds a page against widths and colours: nothing is cut off, everything has a name; and keeps pictures.
func (w *window) shots(name string) {
	w.T.Helper()
	for _, width := range []int64{360, 1280, 2560} {
		for _, scheme := range []string{"light", "dark"} {
			w.looks(width, scheme)
			w.shot(name + "-" + scheme + "-" + map[int64]string{360: "360", 1280: "1280", 2560: "2560"}[width])
		}
		if wide := eval[int64](w, "document.documentElement.scrollWidth"); wide > width {
			w.T.Errorf("%s at %d is %d wide", name, width, wide)
		}
	}
	w.looks(1280, "light")
	if nameless := eval[string](w, `[...document.querySelectorAll("button, input:not([type=hidden]), textarea, select, a, summary, iframe, img")].filter(e => !(e.textContent.trim() || e.labels?.length || e.getAttribute("aria-label") || e.title || e.alt)).map(e => e.outerHTML).join()`); nameless != "" {
		w.T.Errorf("%s: no name: %s", name, nameless)
	}
}
