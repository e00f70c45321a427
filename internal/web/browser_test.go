package web

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"maillab/internal/web/browsertest"
)

// window is a real browser at a page, with the short names that tests of this package use.
type window struct{ *browsertest.Window }

// newWindow opens one, or skips where there is no Chromium.
func (c *class) newWindow() *window {
	c.t.Helper()
	return &window{browsertest.Open(c.t, c.address)}
}

func (w *window) do(steps ...chromedp.Action[chromedp.Void]) {
	w.T.Helper()
	w.Do(steps...)
}

func (w *window) login(name, password string) {
	w.T.Helper()
	w.Login(name, password)
}

func (w *window) until(script string) {
	w.T.Helper()
	w.Until(script)
}

func (w *window) looks(width int64, scheme string) {
	w.T.Helper()
	w.Looks(width, scheme)
}

func (w *window) shot(name string) { w.Shot(name) }

func eval[T any](w *window, script string) T {
	w.T.Helper()
	return browsertest.Eval[T](w.Window, script)
}

// TestInABrowser: a student logs in, types a message elsewhere, and sees the task turn green without doing anything; an answer
// that is being written stays, also over a reload; keys alone are enough.
func TestInABrowser(t *testing.T) {
	c := newClass(t, "amiens-smtp-pop-imap", "alice")
	w := c.newWindow()
	w.login("alice", "wrong")
	w.until(`document.querySelector("[role=alert]").textContent.includes("password") || document.querySelector("[role=alert]").textContent.includes("Mot")`)
	w.do(chromedp.Navigate(c.address+"login"), chromedp.WaitReady("#name")) // the address that stands there, once more
	w.login("alice", "master2021")
	w.do(chromedp.WaitReady("#task-message-simple.todo"))
	w.until(`document.querySelector("#sum").textContent.startsWith("0 ")`)
	c.typed(1, message("util1", "util11")...)
	w.until(`document.querySelector("#task-message-simple.passed") && document.querySelector("#told").textContent.includes("réussie")`)
	w.do(chromedp.SendKeys("#answer-message-verifier", "<half>"))
	w.do(chromedp.Navigate(c.address), chromedp.WaitReady("#task-message-simple.passed"))
	w.until(`document.querySelector("#answer-message-verifier").value === "<half>"`)
	w.do(chromedp.SendKeys("#answer-message-verifier", "\t\r")) // to the button, by keys
	w.until(`document.querySelector("#task-message-verifier .given q")?.textContent === "<half>"`)
	for _, width := range []int64{360, 1280, 2560} {
		for _, scheme := range []string{"light", "dark"} {
			w.looks(width, scheme)
			w.do(chromedp.ScrollIntoView("#task-message-verifier"))
			w.shot(scheme + "-" + map[int64]string{360: "360", 1280: "1280", 2560: "2560"}[width])
			if wide := eval[int64](w, "document.documentElement.scrollWidth"); wide > width {
				t.Errorf("at %d it is %d wide", width, wide)
			}
		}
	}
	if eval[int](w, `[...document.querySelectorAll("button, input:not([type=hidden]), textarea, a, summary")].filter(e => !(e.textContent.trim() || e.labels?.length || e.getAttribute("aria-label"))).length`) > 0 {
		t.Error("a control has no name")
	}
}

// TestTerminalInABrowser: telnet in the page's terminal, a reload in the middle of DATA, the task that turns green beside it, and a
// second terminal; what came in is text, and scripts in it are not run.
func TestTerminalInABrowser(t *testing.T) {
	c := newClass(t, "amiens-smtp-pop-imap", "alice")
	w := c.newWindow()
	w.login("alice", "master2021")
	shows, enter := w.Shows, w.Enter
	focus := chromedp.Focus(".panel:not([hidden]) .keys")
	shows("$")
	w.do(focus)
	enter("telnet localhost 25")
	shows("220 test6isri")
	for _, line := range []string{"HELO pc", "MAIL FROM:<util1>", "RCPT TO:<util11>", "DATA"} {
		enter(line)
	}
	shows("354 ")
	enter("Subject: <script>document.title='broken'</script>")
	w.do(chromedp.Navigate(c.address), chromedp.WaitReady("#task-message-simple.todo"))
	shows("354 ")
	shows("<script>document.title='broken'</script>")
	w.do(focus)
	for _, line := range []string{"", "hello", "."} {
		enter(line)
	}
	w.until(`document.querySelector("#task-message-simple.passed")`)
	enter("QUIT")
	shows("Connection closed by foreign host.")
	w.shot("terminal")
	if title := eval[string](w, "document.title"); title == "broken" {
		t.Error("a script in a terminal was run")
	}
	w.do(chromedp.Click(".tabs .new"))
	w.until(`document.querySelectorAll("[role=tab]").length === 2 && document.activeElement.className === "keys"`)
	shows("$")
	enter("telnet localhost 110")
	shows("+OK")
	w.do(chromedp.Click("#tab-1"))
	shows("Connection closed by foreign host.")
	w.do(chromedp.KeyEvent(kb.F6))
	if !eval[bool](w, `document.activeElement.id === "statement"`) {
		t.Error("F6 does not leave the terminal: ", eval[string](w, "document.activeElement.outerHTML.slice(0, 80)"))
	}
}
