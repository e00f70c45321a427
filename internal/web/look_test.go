package web

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/coder/websocket"

	"maillab/internal/control"
	"maillab/internal/web/terminal"
)

// line is a WebSocket of a browser.
type line struct {
	t *testing.T
	c *websocket.Conn
}

func (c *class) line(v *visitor, path string) *line {
	c.t.Helper()
	l, status := c.tried(v, path)
	if l == nil {
		c.t.Fatalf("%s: %d", path, status)
	}
	return l
}

// tried opens a WebSocket, nil with the answer's status where it is refused.
func (c *class) tried(v *visitor, path string) (*line, int) {
	c.t.Helper()
	here, _ := url.Parse(c.address)
	client := *v.client
	client.Timeout = 0
	conn, response, err := websocket.Dial(c.t.Context(), c.address+path, &websocket.DialOptions{HTTPClient: &client, HTTPHeader: http.Header{"Origin": {"http://" + here.Host}}})
	if err != nil {
		if response == nil {
			c.t.Fatal(path, err)
		}
		return nil, response.StatusCode
	}
	conn.SetReadLimit(4 << 20)
	c.t.Cleanup(func() { _ = conn.CloseNow() })
	return &line{c.t, conn}, http.StatusSwitchingProtocols
}

func (l *line) keys(text string) {
	l.t.Helper()
	what, _ := json.Marshal(map[string]string{"keys": text})
	if err := l.c.Write(l.t.Context(), websocket.MessageText, what); err != nil {
		l.t.Fatal(err)
	}
}

// until reads frames until one is as it is waited for.
func (l *line) until(what string, is func(f terminal.Frame, text string) bool) {
	l.t.Helper()
	for {
		_, text, err := l.c.Read(l.t.Context())
		if err != nil {
			l.t.Fatalf("never saw %s: %v", what, err)
		}
		if is(decode[terminal.Frame](l.t, string(text)), string(text)) {
			return
		}
	}
}

func (l *line) shows(text string) {
	l.t.Helper()
	l.until(text, func(_ terminal.Frame, frame string) bool { return strings.Contains(frame, text) })
}

func (l *line) looked(is bool) {
	l.t.Helper()
	l.until("the mark", func(f terminal.Frame, _ string) bool { return f.Looked != nil && *f.Looked == is })
}

// TestLook: a teacher sees a student's terminal as it is, and the student sees that, from when it begins until it ends; nothing
// that the teacher sends reaches it.
func TestLook(t *testing.T) {
	c := newClass(t, "amiens-smtp-pop-imap", "alice", "bruno")
	student := c.browser()
	student.login("alice", "master2021")
	v, _ := c.teacher()
	events := c.stream(v, "person-events?seat=1&student=alice")
	own := c.line(student, "terminal?tab=1&cols=80&rows=24")
	own.keys("telnet localhost 25\r")
	own.shows("220 ")
	address := "look?seat=1&student=alice&account=util1&tab=1"
	if data := events("terminals", "data-look"); !strings.Contains(strings.ReplaceAll(data, "&amp;", "&"), "account=util1") {
		t.Error(data)
	}
	look := c.line(v, address)
	look.shows("220 ")
	own.looked(true)
	own.keys("HELO seen\r")
	look.shows("250 ")
	second := c.line(v, address)
	second.shows("250 ")
	_ = look.c.CloseNow() // one of two
	second.keys("rm -rf\r")
	if _, _, err := second.c.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
		for err == nil { // what was on its way
			_, _, err = second.c.Read(t.Context())
		}
		if websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
			t.Error("who types is not cut off: ", err)
		}
	}
	own.looked(false)
	own.keys("QUIT\r")
	own.until("the end", func(_ terminal.Frame, text string) bool {
		if strings.Contains(text, "rm -rf") {
			t.Error("keys of the teacher have come")
		}
		return strings.Contains(text, "closed")
	})
	for path, want := range map[string]int{
		"look?seat=1&student=alice&account=util1&tab=2": http.StatusNotFound,
		"look?seat=1&student=bruno&account=util1&tab=1": http.StatusNotFound,
		"look?seat=2&student=bruno&account=util1&tab=1": http.StatusNotFound,
		"look": http.StatusNotFound,
	} {
		if _, status := c.tried(v, path); status != want {
			t.Errorf("%s: %d", path, status)
		}
	}
	for who, other := range map[string]*visitor{"a student": student, "nobody": c.browser()} {
		if _, status := c.tried(other, address); status != http.StatusUnauthorized {
			t.Errorf("%s looks: %d", who, status)
		}
	}
	c.newGateway() // which knows no teacher
	if _, status := c.tried(v, address); status != http.StatusUnauthorized {
		t.Errorf("a role that is none any more: %d", status)
	}
}

// recorded has a student do something in a terminal of the page that is recorded to its end.
func (c *class) recorded(seat int, name string, steps ...[2]string) string {
	c.t.Helper()
	v := c.browser()
	v.login(name, "master2021")
	_, token := v.home()
	own := c.line(v, "terminal?tab=1&cols=80&rows=24")
	for _, step := range steps {
		own.keys(step[0])
		own.shows(step[1])
		time.Sleep(600 * time.Millisecond) // a person thinks; that it lasts is what is played
	}
	v.do("POST", "logout", url.Values{"token": {token}}) // ends the terminal
	for {                                                // what is shown last comes with the last piece
		for _, kept := range c.recordingsOf(c.t, seat, name) {
			answer := httptest.NewRecorder()
			c.Control(control.Target{Seat: seat}).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/v1/recording?student="+name+"&id="+kept.ID, nil))
			if strings.Contains(answer.Body.String(), steps[len(steps)-1][1]) {
				return kept.ID
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// TestReplay: a recording is shown with what was said at the server meanwhile, and to nobody but the teacher.
func TestReplay(t *testing.T) {
	c := newClass(t, "amiens-smtp-pop-imap", "alice", "bruno")
	id := c.recorded(1, "alice", [2]string{"telnet localhost 110\r", "+OK"}, [2]string{"user util1\r", "+OK"}, [2]string{"pass master2021\r", "logged in"},
		[2]string{"NOPE\r", "-ERR"}, [2]string{"quit\r", "closed"})
	v, _ := c.teacher()
	at := "?seat=1&student=alice&id=" + id
	if _, person, _ := v.do("GET", "person?seat=1&student=alice", nil); !strings.Contains(person, "id="+id) {
		t.Error("the student's page does not lead there")
	}
	_, page, _ := v.do("GET", "replay"+at, nil)
	for _, want := range []string{"C: user util1", "S: -ERR", `class="refused"`, "data-at="} {
		if !strings.Contains(page, want) {
			t.Errorf("it lacks %q: %s", want, page)
		}
	}
	_, scenes, _ := v.do("GET", "replay-scenes"+at, nil)
	shown, last := "", int64(-1)
	for text := range strings.Lines(scenes) {
		scene := decode[terminal.Scene](t, text)
		if scene.At < last {
			t.Errorf("%d comes after %d", scene.At, last)
		}
		if last < 0 && (scene.At != 0 || scene.Frame == nil || scene.Frame.Size == nil || strings.Contains(text, "220")) {
			t.Errorf("it does not begin with an empty screen: %s", text)
		}
		last = scene.At
		shown += text
	}
	if !strings.Contains(shown, "pass **********") || strings.Contains(shown+page, "master2021") {
		t.Error("the password: ", shown)
	}
	if _, file, h := v.do("GET", "replay-file"+at, nil); !strings.HasPrefix(file, `{"version":3`) || !strings.Contains(h.Get("Content-Disposition"), "attachment") {
		t.Errorf("%.80s", file)
	}
	b := c.browser()
	b.login("bruno", "master2021")
	for _, page := range []string{"replay", "replay-scenes", "replay-file"} {
		if status, body, _ := b.do("GET", page+at, nil); status != http.StatusUnauthorized || strings.Contains(body, "util1") {
			t.Errorf("a student at %s: %d", page, status)
		}
		if status, _, _ := v.do("GET", page+"?seat=2&student=bruno&id="+id, nil); status == http.StatusOK {
			t.Errorf("%s shows it as another's", page)
		}
	}
}

// TestLookInABrowser: the student's own window shows that somebody looks, at once, and no more when the teacher leaves.
func TestLookInABrowser(t *testing.T) {
	c := newClass(t, "amiens-smtp-pop-imap", "alice")
	student, w := c.newWindow(), c.newWindow()
	student.login("alice", "master2021")
	student.until(`document.querySelector(".screen")?.innerText.includes("$")`)
	student.do(chromedp.Focus(".keys"), chromedp.KeyEvent("telnet localhost 25\r"))
	student.until(`document.querySelector(".screen").innerText.includes("220 ")`)
	w.do(chromedp.Navigate(c.address+"teacher?code="+c.code()), chromedp.WaitReady("table.grid"), chromedp.Navigate(c.address+"person?seat=1&student=alice"), chromedp.WaitReady("[data-look]"))
	w.do(chromedp.Focus("[data-look]"), chromedp.KeyEvent(kb.Enter))
	w.until(`document.querySelector("#looking .screen")?.innerText.includes("220 ")`)
	student.until(`document.querySelector(".looked").textContent !== ""`)
	student.shots("looked")
	student.do(chromedp.Focus(".keys"), chromedp.KeyEvent("HELO regardez\r"))
	w.until(`document.querySelector("#looking .screen").innerText.includes("HELO regardez")`)
	w.until(`document.querySelector("#lines").textContent.includes("HELO regardez")`)
	w.do(chromedp.SendKeys("#note", "Très bien, <b>continuez</b>"))
	w.shots("person")
	w.do(chromedp.Focus("[data-look]"), chromedp.KeyEvent(kb.Enter))
	student.until(`document.querySelector(".looked").textContent === ""`)
	w.do(chromedp.Focus("[data-look]"), chromedp.KeyEvent(kb.Enter))
	student.until(`document.querySelector(".looked").textContent !== ""`)
	w.do(chromedp.Focus("#note"), chromedp.KeyEvent("\t\r")) // to the button, by keys; the page is left
	w.do(chromedp.WaitReady(".done"))
	student.until(`document.querySelector(".looked").textContent === ""`)
	student.until(`document.querySelector("#teachersays").innerText.includes("Très bien, <b>continuez</b>")`)
	student.shots("notice")
	student.do(chromedp.Focus("#teachersays button"), chromedp.KeyEvent(kb.Enter))
	student.until(`document.querySelector("#teachersays").hidden`)
	student.do(chromedp.Navigate(c.address), chromedp.WaitReady(".task"))
	w.do(chromedp.Navigate(c.address+"reset?seat=1&student=alice"), chromedp.WaitReady(".question"))
	w.shots("reset")
	w.do(chromedp.Focus("input[value=mail]"), chromedp.KeyEvent(kb.ArrowDown), chromedp.KeyEvent(kb.ArrowDown), chromedp.KeyEvent("\t\r"), chromedp.WaitReady(".done"))
	w.until(`document.querySelectorAll(".care li").length === 1`)
}

// TestReplayInABrowser: a recording plays, stops, and is shown as it was at any time; keys alone do it.
func TestReplayInABrowser(t *testing.T) {
	c := newClass(t, "amiens-smtp-pop-imap", "alice")
	id := c.recorded(1, "alice", [2]string{"telnet localhost 25\r", "220 "}, [2]string{"HELO\r", "501 "}, [2]string{"HELO moi\r", "250 "}, [2]string{"QUIT\r", "closed"})
	w := c.newWindow()
	w.do(chromedp.Navigate(c.address+"teacher?code="+c.code()), chromedp.WaitReady("table.grid"), chromedp.Navigate(c.address+"replay?seat=1&student=alice&id="+id), chromedp.WaitReady("[data-loaded]"))
	if eval[bool](w, `document.querySelector(".shown .screen").innerText.includes("HELO")`) {
		t.Error("it begins at the end")
	}
	w.do(chromedp.Focus("button.play"), chromedp.KeyEvent(kb.Enter))
	w.until(`document.querySelector(".shown .screen").innerText.includes("closed") && !document.querySelector(".tocome")`)
	w.until(`document.querySelector("button.play").textContent === document.querySelector("#replay").dataset.play`) // it has ended, and moves no more
	w.shots("replay")
	w.until(`document.querySelector(".saidlines .refused")`)
	w.do(chromedp.Focus(".saidlines li .jump"), chromedp.KeyEvent(kb.Enter))
	w.until(`document.querySelector(".saidlines [aria-current]") && document.querySelector(".tocome") && !document.querySelector(".shown .screen").innerText.includes("closed")`)
	w.do(chromedp.Focus("input[type=range]"), chromedp.KeyEvent(kb.End))
	w.until(`document.querySelector(".shown .screen").innerText.includes("closed")`)
	w.do(chromedp.KeyEvent(kb.Home))
	w.until(`!document.querySelector(".shown .screen").innerText.includes("HELO")`)
}
