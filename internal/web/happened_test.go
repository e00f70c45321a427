package web

import (
	"net/http"
	"net/netip"
	"net/textproto"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"maillab/internal/control"
	"maillab/internal/handoff"
	"maillab/internal/mail"
)

// sent says lines to a student's server and waits for each reply; a message is answered as a whole.
func (c *class) sent(seat int, lines ...string) {
	c.t.Helper()
	conn, err := c.Dial(c.t.Context(), control.Target{Seat: seat}, handoff.Offer{Service: "smtp", Peer: mail.Peer{Remote: netip.MustParseAddrPort("192.0.2.7:40000"), Local: netip.MustParseAddrPort("192.0.2.1:25")}})
	if err != nil {
		c.t.Fatal(err)
	}
	defer conn.Close()
	p, data := textproto.NewConn(conn), false
	_, err = p.ReadLine()
	for _, line := range lines {
		if err == nil {
			err = p.PrintfLine("%s", line)
		}
		if data = data && line != "."; err == nil && !data {
			_, err = p.ReadLine()
		}
		data = data || line == "DATA"
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// mixedUp is a message with a file as students get it wrong: the delimiters lack the two dashes, and the sender is another.
func mixedUp() []string {
	return []string{"HELO pc", "MAIL FROM:<util1>", "RCPT TO:<util11>", "DATA", "From: president@u-picardie.fr", "Subject: <script>alert(1)</script>",
		"Content-Type: multipart/mixed; boundary=--00", "", "--00", "", "bla </pre><b>bla", "--00--", ".", "QUIT"}
}

// link is what a pattern finds first in a page.
func link(page, pattern string) string {
	if m := regexp.MustCompile(pattern).FindStringSubmatch(page); m != nil {
		return m[1]
	}
	return ""
}

// TestHappened: what was typed is drawn in its phases and told in words, the message as an envelope beside its letter, with
// what is wrong at its line; what students wrote is text everywhere, and nobody sees what is another's.
func TestHappened(t *testing.T) {
	c := newClass(t, "amiens-smtp-pop-imap", "alice", "bruno")
	v := c.browser()
	v.login("alice", "master2021")
	c.sent(1, mixedUp()...)
	status, list, _ := v.do("GET", "happened?", nil)
	dialogue, message := link(list, `href="(dialogue\?id=[^"]+)"`), link(list, `href="(message\?id=[^"]+)"`)
	if status != http.StatusOK || dialogue == "" || message == "" {
		t.Fatal(status, list)
	}
	_, page, _ := v.do("GET", dialogue, nil)
	queue := strings.TrimPrefix(message, "message?id=")
	for _, want := range []string{`<svg`, `class="phase envelope"`, "[enveloppe] Vous : MAIL FROM:&lt;util1&gt;", "[en-têtes] Vous : DATA", "[corps] Vous : --00",
		`<a href="message?id=` + queue + `">`, "<mark>", "queued as " + queue} {
		if !strings.Contains(page, want) {
			t.Errorf("the dialogue lacks %q", want)
		}
	}
	_, page, _ = v.do("GET", message, nil)
	for _, want := range []string{"RCPT TO: &lt;util11@local.isri.fr&gt;", "From dit president@u-picardie.fr", "Aucune ligne ----00", `<li class="outside faulty"><code>--00</code>`,
		`<li class="field"><code>Subject: &lt;script&gt;`, `<li class="trace"><code>Received: from pc`} {
		if !strings.Contains(page, want) {
			t.Errorf("the message lacks %q", want)
		}
	}
	for _, text := range []string{list, page} {
		if strings.Contains(text, "<script>alert") || strings.Contains(text, "</pre><b>bla") {
			t.Error("what a student wrote is markup")
		}
	}
	if _, page, _ = v.do("GET", "log", nil); !strings.Contains(page, queue+": message-id=") {
		t.Error("mail.log: ", page)
	}
	for _, none := range []string{"dialogue?id=20260101T000000.000-000001-smtp", "message?id=4bX", "message?id=../../etc"} {
		if status, _, _ := v.do("GET", none, nil); status != http.StatusNotFound {
			t.Errorf("%s: %d", none, status)
		}
	}
	bruno := c.browser()
	bruno.login("bruno", "master2021")
	for _, alices := range []string{dialogue, message} {
		if status, page, _ := bruno.do("GET", alices, nil); status != http.StatusNotFound || strings.Contains(page, "president") {
			t.Errorf("bruno sees %s of alice: %d", alices, status)
		}
	}
	if status, _, _ := c.browser().do("GET", message, nil); status != http.StatusUnauthorized {
		t.Error("without a login: ", status)
	}
}

// TestHappenedInABrowser: the pages in a real browser, at all widths; mail.log grows under the student's eyes.
func TestHappenedInABrowser(t *testing.T) {
	c := newClass(t, "amiens-smtp-pop-imap", "alice")
	w := c.newWindow()
	w.login("alice", "master2021")
	c.sent(1, mixedUp()...)
	for _, page := range []string{"happened", "dialogue", "message"} {
		if page != "happened" {
			w.do(chromedp.Navigate(c.address+"happened"), chromedp.Click(`a[href^="`+page+`?"]`))
		} else {
			w.do(chromedp.Navigate(c.address + page))
		}
		w.do(chromedp.WaitReady("main.happened"))
		for _, width := range []int64{360, 1280} {
			w.looks(width, map[int64]string{360: "dark", 1280: "light"}[width])
			w.shot(page + map[int64]string{360: "-360", 1280: "-1280"}[width])
			if wide := eval[int64](w, "document.documentElement.scrollWidth"); wide > width {
				t.Errorf("%s at %d is %d wide", page, width, wide)
			}
		}
	}
	w.do(chromedp.Navigate(c.address+"log"), chromedp.WaitReady("#log"))
	w.until(`performance.getEntriesByType("resource").some(e => e.name.endsWith("log.js?" + document.querySelector('script[src*="log.js"]').src.split("?")[1]))`)
	before := eval[int](w, `document.querySelectorAll("#log").length && document.querySelector("#log").textContent.split("disconnect from").length`)
	c.sent(1, mixedUp()...)
	w.until(`document.querySelector("#log").textContent.split("disconnect from").length > ` + strconv.Itoa(before))
}
