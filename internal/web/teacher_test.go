package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"maillab/internal/check"
	"maillab/internal/control"
	"maillab/internal/lab/task"
	"maillab/internal/progress"
)

// code is what maillab web asks of the gateway.
func (c *class) code() string {
	c.t.Helper()
	w := httptest.NewRecorder()
	c.gateway.Handler().ServeHTTP(w, httptest.NewRequest("POST", "http://"+control.GatewayHost+"/v1/codes", nil))
	return decode[control.Code](c.t, w.Body.String()).Code
}

// TestTeacher: a code is good once; then the class, a student, and a mark, which the student sees; a student is none.
func TestTeacher(t *testing.T) {
	c := newClass(t, "amiens-smtp-pop-imap", "alice", "bruno")
	code := c.code()
	v, other := c.browser(), c.browser()
	for range 2 { // looking at the link spends nothing
		if status, body, _ := v.do("GET", "teacher?code="+code, nil); status != http.StatusOK || !strings.Contains(body, code) {
			t.Fatal(status, body)
		}
	}
	if status, _, h := v.do("POST", "teacher", url.Values{"code": {code}}); status != http.StatusSeeOther || h.Get("Location") != "board" {
		t.Fatal(status, h)
	}
	if status, _, _ := other.do("POST", "teacher", url.Values{"code": {code}}); status != http.StatusForbidden {
		t.Error("a code is good twice: ", status)
	}
	other.login("bruno", "master2021")
	for _, path := range []string{"board", "person?seat=1&student=alice", "board-events", "teacher-alive"} {
		if status, body, _ := other.do("GET", path, nil, "Maillab-Role", code); status != http.StatusUnauthorized || strings.Contains(body, "alice") {
			t.Errorf("a student at %s: %d", path, status)
		}
	}
	status, page, _ := v.do("GET", "board?lang=en", nil)
	if status != http.StatusOK || !strings.Contains(page, ">alice<") || !strings.Contains(page, "of 40 tasks passed · 2 students") {
		t.Fatalf("%d %s", status, page)
	}
	if _, wall, _ := v.do("GET", "board?wall=1", nil); strings.Contains(wall, "alice") || strings.Contains(wall, "bruno") {
		t.Error("there are names on the wall")
	}
	token := tokenIn(page)
	mark := url.Values{"seat": {"2"}, "student": {"bruno"}, "task": {"enveloppe"}, "share": {"0.5"}, "comment": {"<b>well</b>"}}
	if status, _, _ := v.do("POST", "mark", mark); status != http.StatusForbidden {
		t.Error("without a token: ", status)
	}
	mark.Set("token", token)
	if status, body, h := v.do("POST", "mark", mark); status != http.StatusSeeOther {
		t.Fatal(status, body, h)
	}
	if _, person, _ := v.do("GET", "person?seat=2&student=bruno", nil); !strings.Contains(person, "&lt;b&gt;well") {
		t.Error("the mark is not shown")
	}
	if home, _ := other.home(); !strings.Contains(home, "&lt;b&gt;well") {
		t.Error("the student does not see the comment")
	}
	mark.Set("share", "7")
	if _, body, _ := v.do("POST", "mark", mark); !strings.Contains(body, "from 0 to 1") {
		t.Error("a share of 7 is taken")
	}
	if status, _, _ := v.do("GET", "person?seat=9&student=bruno", nil); status != http.StatusBadGateway {
		t.Error("no such seat: ", status)
	}
}

// teacher is a browser that is the teacher's, and the token of its forms.
func (c *class) teacher() (v *visitor, token string) {
	c.t.Helper()
	v = c.browser()
	if status, _, _ := v.do("POST", "teacher", url.Values{"code": {c.code()}}); status != http.StatusSeeOther {
		c.t.Fatal("the code is not taken: ", status)
	}
	_, page, _ := v.do("GET", "board?lang=en", nil)
	return v, tokenIn(page)
}

// tokenIn is the token of a page's forms.
func tokenIn(page string) string {
	_, rest, _ := strings.Cut(page, `name="token" value="`)
	token, _, _ := strings.Cut(rest, `"`)
	return token
}

// TestBoardOrder: who is stuck is first, who is through last; what several have found is told once, without what is each one's.
func TestBoardOrder(t *testing.T) {
	now := time.Date(2026, 3, 26, 11, 0, 0, 0, time.UTC)
	of := func(seat, passed int, since time.Duration, seen string) row {
		r := row{Seat: seat, Student: string(rune('a' + seat)), Passed: passed, Total: 2, Since: now.Add(-since), Act: control.Activity{At: now}, Next: "X"}
		r.Results = []check.Result{{ID: "x", Title: task.Text{"en": "X", "fr": "X"}, State: progress.Failed, Seen: task.Text{"en": seen, "fr": seen}}}
		return r
	}
	rows := []row{of(1, 2, 9*time.Hour, ""), of(2, 1, time.Minute, "message 1A2B3C4D5E6 to util1, at 11:09:05"), of(3, 0, time.Hour, "message FFFFFFFFFFF to util1, at 12:00"), of(4, 1, time.Hour, "other")}
	b := boardOf(rows, "en", false, now)
	var order []int
	for _, r := range b.Rows {
		order = append(order, r.Seat)
	}
	if order[0] != 3 || order[1] != 4 || order[2] != 2 || order[3] != 1 {
		t.Errorf("%v", order)
	}
	if len(b.Turns) != 1 || b.Turns[0].Count != 2 || b.Turns[0].Seen != "message … to util1, at …" {
		t.Errorf("%+v", b.Turns)
	}
	for i, r := range boardOf(rows, "en", true, now).Rows {
		if r.Seat != i+1 || r.Student != "" {
			t.Errorf("the wall: %+v", r)
		}
	}
}

// TestBoardInABrowser: the link opens the class, which changes by itself when a student does something.
func TestBoardInABrowser(t *testing.T) {
	c := newClass(t, "amiens-smtp-pop-imap", "alice", "bruno")
	w := c.newWindow()
	w.do(chromedp.Navigate(c.address+"teacher?code="+c.code()), chromedp.WaitReady("table.grid"))
	if strings.Contains(eval[string](w, "location.href"), "code") {
		t.Error("the code stays in the address")
	}
	w.until(`(document.querySelector("#board .sideways").focus(), document.activeElement.matches("#board .sideways"))`) // the first change may come now
	c.typed(1, message("util1", "util11")...)
	w.until(`[...document.querySelectorAll("tr")].some(r => r.textContent.includes("alice") && r.querySelector("td.passed"))`)
	if !eval[bool](w, `document.activeElement.matches("#board .sideways")`) {
		t.Error("who reads the table by keys loses the focus when it changes")
	}
	w.until(`[...document.querySelectorAll("tr")].some(r => r.textContent.includes("alice") && r.textContent.includes("QUIT"))`)
	w.shot("board")
	w.looks(1280, "dark")
	w.do(chromedp.Navigate(c.address+"board?wall=1"), chromedp.WaitReady("body.wall table"))
	w.shot("wall")
	w.do(chromedp.Navigate(c.address+"person?seat=2&student=bruno"), chromedp.WaitReady("#lines"))
	w.until(`!document.querySelector("#notice").textContent`)
	c.typed(2, "HELO live", "QUIT")
	w.until(`document.querySelector("#lines").textContent.includes("smtp C: HELO live")`)
	w.shot("person")
}
