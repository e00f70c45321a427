// Package browsertest is a real Chromium at a class's page, for tests: what a person does with keys and mouse, and what is then
// on the screen. A test that uses it skips where there is no Chromium, and says so.
package browsertest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// Patience bounds how long something may take to be seen. It is no measure: a busy machine is given its time.
const Patience = 15 * time.Minute

// Window is one tab of a browser. Its methods fail the test, with a picture of what was there.
type Window struct {
	T       *testing.T
	Ctx     context.Context // the tab's, for chromedp
	Address string          // of the page, with a slash at the end
}

// Open opens a browser of its own at an address.
func Open(t *testing.T, address string, options ...chromedp.ExecAllocatorOption) *Window {
	t.Helper()
	if _, err := exec.LookPath("chromium"); err != nil {
		t.Skip("no chromium here (apt-get install chromium): the page is not tried in a browser")
	}
	ctx, end := chromedp.NewExecAllocator(t.Context(), append([]chromedp.ExecAllocatorOption{
		chromedp.NoSandbox, chromedp.Headless, chromedp.WindowSize(1280, 900)}, options...)...)
	t.Cleanup(end)
	return (&Window{T: t, Ctx: ctx, Address: address}).Another()
}

// Another opens another tab of the same browser, at the same address.
func (w *Window) Another() *Window {
	w.T.Helper()
	ctx, end := chromedp.NewContext(w.Ctx)
	w.T.Cleanup(end)
	ctx, end = context.WithTimeout(ctx, Patience)
	w.T.Cleanup(end)
	other := &Window{T: w.T, Ctx: ctx, Address: w.Address}
	other.Do(chromedp.Navigate(w.Address))
	return other
}

// Do does things one after the other.
func (w *Window) Do(steps ...chromedp.Action[chromedp.Void]) {
	w.T.Helper()
	if err := chromedp.Do(w.Ctx, steps...); err != nil {
		w.Shot("failed")
		w.T.Fatal(err)
	}
}

// Go goes to a page, by its path below the address.
func (w *Window) Go(path string) {
	w.T.Helper()
	w.Do(chromedp.Navigate(w.Address + path))
}

// Login logs in as a student.
func (w *Window) Login(name, password string) {
	w.T.Helper()
	w.Do(chromedp.SendKeys("#name", name), chromedp.SendKeys("#password", password+"\r"), chromedp.WaitReady("main.work, [role=alert]"))
}

// Eval is what a script in the page gives.
func Eval[T any](w *Window, script string) T {
	w.T.Helper()
	v, err := chromedp.Run(w.Ctx, chromedp.Evaluate[T](script))
	if err != nil {
		w.T.Fatal(script, err)
	}
	return v
}

// Until waits for a script to be true in the page. While the page is being left there is nothing that it could be true of.
func (w *Window) Until(script string) {
	w.T.Helper()
	for {
		v, err := chromedp.Run(w.Ctx, chromedp.Evaluate[bool]("!!("+script+")"))
		switch {
		case err == nil && v:
			return
		case w.Ctx.Err() != nil:
			w.Shot("failed")
			w.T.Fatalf("never: %s (%v)", script, err)
		}
		time.Sleep(20 * time.Millisecond) // between two looks
	}
}

// Looks has the page in a width and a colour scheme.
func (w *Window) Looks(width int64, scheme string) {
	w.T.Helper()
	w.Media(map[string]string{"prefers-color-scheme": scheme})
	w.Do(chromedp.EmulateViewport(width, 900))
}

// Media has the page for a reader who prefers something.
func (w *Window) Media(features map[string]string) {
	w.T.Helper()
	var p emulation.SetEmulatedMediaParams
	for name, value := range features {
		p.Features = append(p.Features, &emulation.MediaFeature{Name: name, Value: value})
	}
	w.Do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, p)
		return err
	}))
}

// Line has the browser on a line like that. The zero network.Conditions without rules is the machine's own.
func (w *Window) Line(conditions ...*network.Conditions) {
	w.T.Helper()
	w.Do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{MatchedNetworkConditions: conditions})
		return err
	}))
}

// Slow is a line as in a village: 300 ms there and back, some 30 kB/s.
func Slow() *network.Conditions {
	return &network.Conditions{Latency: 300, DownloadThroughput: 30 << 10, UploadThroughput: 10 << 10}
}

// Lost is no line at all.
func Lost() *network.Conditions { return &network.Conditions{Offline: true} }

// Shot keeps a picture of the page in $MAILLAB_SHOTS, where that is set.
func (w *Window) Shot(name string) {
	dir := os.Getenv("MAILLAB_SHOTS")
	if dir == "" {
		return
	}
	picture, err := chromedp.Run(w.Ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, strings.ReplaceAll(w.T.Name(), "/", "-")+"-"+name+".png"), picture, 0o644)
	}
	if err != nil {
		w.T.Error(err)
	}
}

// Shows waits until a text is on the screen of the terminal that is in front.
func (w *Window) Shows(text string) {
	w.T.Helper()
	w.Until(fmt.Sprintf(`[...document.querySelectorAll(".panel:not([hidden]) .screen")].some(e => e.innerText.includes(%q))`, text))
}

// Keys goes to the terminal that is in front.
func (w *Window) Keys() {
	w.T.Helper()
	w.Do(chromedp.Focus(".panel:not([hidden]) .keys"))
}

// Enter types a line into what has the focus as a person does: whether one typed it is judged from the pace.
func (w *Window) Enter(line string) {
	w.T.Helper()
	for _, key := range line + "\r" {
		w.Do(chromedp.KeyEvent(string(key)), chromedp.Sleep(30*time.Millisecond))
	}
	w.Do(chromedp.Sleep(400 * time.Millisecond))
}
