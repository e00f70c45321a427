package web

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// window is a real browser at a page.
type window struct {
	t   *testing.T
	ctx context.Context
}

// newWindow opens one, or skips where there is no Chromium.
func (c *class) newWindow() *window {
	c.t.Helper()
	if _, err := exec.LookPath("chromium"); err != nil {
		c.t.Skip("no chromium here (apt-get install chromium): the page is not tried in a browser")
	}
	ctx, end := chromedp.NewExecAllocator(c.t.Context(), chromedp.NoSandbox, chromedp.Headless, chromedp.WindowSize(1280, 900))
	c.t.Cleanup(end)
	ctx, end = chromedp.NewContext(ctx)
	c.t.Cleanup(end)
	ctx, end = context.WithTimeout(ctx, 2*time.Minute)
	c.t.Cleanup(end)
	w := &window{c.t, ctx}
	w.do(chromedp.Navigate(c.address))
	return w
}

// do does things one after the other.
func (w *window) do(steps ...chromedp.Action[chromedp.Void]) {
	w.t.Helper()
	if err := chromedp.Do(w.ctx, steps...); err != nil {
		w.shot("failed")
		w.t.Fatal(err)
	}
}

// login logs in as a student.
func (w *window) login(name, password string) {
	w.t.Helper()
	w.do(chromedp.SendKeys("#name", name), chromedp.SendKeys("#password", password+"\r"), chromedp.WaitReady("main.work, [role=alert]"))
}

// eval is what a script in the page gives.
func eval[T any](w *window, script string) T {
	w.t.Helper()
	v, err := chromedp.Run(w.ctx, chromedp.Evaluate[T](script))
	if err != nil {
		w.t.Fatal(script, err)
	}
	return v
}

// until waits for a script to be true in the page.
func (w *window) until(script string) {
	w.t.Helper()
	for !eval[bool](w, "!!("+script+")") {
		select {
		case <-w.ctx.Done():
			w.shot("failed")
			w.t.Fatalf("never: %s", script)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// looks has the page in a width and a colour scheme.
func (w *window) looks(width int64, scheme string) {
	w.t.Helper()
	w.do(chromedp.EmulateViewport(width, 900), chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
		return err
	}))
}

// shot keeps a picture of the page in $MAILLAB_SHOTS, where that is set.
func (w *window) shot(name string) {
	dir := os.Getenv("MAILLAB_SHOTS")
	if dir == "" {
		return
	}
	picture, err := chromedp.Run(w.ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, strings.ReplaceAll(w.t.Name(), "/", "-")+"-"+name+".png"), picture, 0o644)
	}
	if err != nil {
		w.t.Error(err)
	}
}

// TestInABrowser: a student logs in, types a message elsewhere, and sees the task turn green without doing anything; an answer
// that is being written stays, also over a reload; keys alone are enough.
func TestInABrowser(t *testing.T) {
	c := newClass(t, "amiens-smtp-pop-imap", "alice")
	w := c.newWindow()
	w.login("alice", "wrong")
	w.until(`document.querySelector("[role=alert]").textContent.includes("password") || document.querySelector("[role=alert]").textContent.includes("Mot")`)
	w.do(chromedp.SendKeys("#password", "master2021\r"), chromedp.WaitReady("#task-message-simple.todo"))
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
	shows := func(text string) {
		t.Helper()
		w.until(`[...document.querySelectorAll(".panel:not([hidden]) .screen")].some(e => e.innerText.includes(` + "`" + text + "`" + `))`)
	}
	enter := func(line string) {
		t.Helper()
		for _, key := range line + "\r" {
			w.do(chromedp.KeyEvent(string(key)), chromedp.Sleep(30*time.Millisecond))
		}
		w.do(chromedp.Sleep(400 * time.Millisecond))
	}
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
