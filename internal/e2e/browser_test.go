//go:build linux

package e2e

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/chromedp/chromedp"

	"maillab/internal/cli"
	"maillab/internal/deploy"
	"maillab/internal/engine"
	"maillab/internal/engine/embedded"
	"maillab/internal/web/browsertest"
)

// exercise is what a sheet has students do first, and where what came of it is read.
type exercise struct {
	lab            string
	name, password string   // as logged in with
	before         []string // tasks that are done first, by hand
	lines          map[string][]string
	task           string // that the letter is for
	to             string // whose mailbox has the letter
	asked, answer  string // a task that takes an answer
}

func exercises() []exercise {
	return []exercise{
		{lab: "amiens-smtp-pop-imap", name: "alice", password: "master2021", task: "message-simple", to: "util11", asked: "message-verifier", answer: "je ne sais pas encore",
			lines: map[string][]string{"message-simple": {"HELO pc", "MAIL FROM:<util1>", "RCPT TO:<util11>"}}},
		{lab: "caen-pop3-smtp", name: "20901201", password: "20901201", task: "q6-smtp", to: "20901201", asked: "q5-securite", answer: "Tout passe en clair, le mot de passe aussi.",
			before: []string{"q4-pop3"},
			lines: map[string][]string{
				"q4-pop3": {"telnet localhost 110", "user 20901201", "pass 20901201", "list", "retr 1", "quit"},
				"q6-smtp": {"HELO pc", "MAIL FROM:<20901201@tpmail.info.unicaen.fr>", "RCPT TO:<20901201@tpmail.info.unicaen.fr>"}}},
	}
}

// TestFirstExercises does both sheets' first exercises wholly in a browser, with containers and without: a wrong password,
// the task, telnet in the terminal over a slow line, a reload in the middle of DATA, a second tab, the task that turns green,
// the letter in the webmail and its source, an answer that a lost line does not take away; and the teacher's board shows it.
func TestFirstExercises(t *testing.T) {
	for _, on := range []string{"docker", "embedded"} {
		for _, e := range exercises() {
			t.Run(on+"/"+e.lab, func(t *testing.T) { e.done(t, on) })
		}
	}
}

func (e exercise) done(t *testing.T, on string) {
	runtime, err := os.MkdirTemp("", "page") // for nobody else, and short: the path of a socket is
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(runtime) }) // after the class was taken down
	c := newClass(t, "br-"+on[:1]+e.lab[:1])
	up := []string{"up", "-y", "-f", e.lab, "--web"}
	if on == "embedded" {
		c.embedded(runtime)
		up = append(up, "--base", strconv.Itoa(freeBase(t)))
	}
	c.run(up...)
	link := c.page()
	teacher := browsertest.Open(t, link.Teacher)
	teacher.Until(`document.querySelector("#board .grid")`)
	w := browsertest.Open(t, link.Address)
	w.Login(e.name, e.password+"0")
	w.Until(`document.querySelector("[role=alert]").textContent.trim() !== ""`)
	w.Do(chromedp.SendKeys("#password", e.password+"\r"), chromedp.WaitReady("#task-"+e.task+".todo"))
	w.Until(`document.querySelector("#task-` + e.task + ` h4").textContent.length > 5 && document.querySelector("#statement").innerText.includes("telnet")`)
	w.Shows("$")
	w.Keys()
	for _, task := range e.before {
		for _, line := range e.lines[task] {
			w.Enter(line)
		}
		w.Until(passed(task))
	}
	e.letter(w)
	teacher.Until(`document.querySelector("#board td.passed")`)
	teacher.Shot("board")
	e.read(w)
	e.answered(w)
}

func passed(task string) string { return `document.querySelector("#task-` + task + `.passed")` }

// letter types a message, with a reload in the middle of it; another tab has the same screen.
func (e exercise) letter(w *browsertest.Window) {
	w.T.Helper()
	w.Line(browsertest.Slow())
	w.Enter("telnet localhost 25")
	w.Shows("220 ")
	for _, line := range append(e.lines[e.task], "DATA") {
		w.Enter(line)
	}
	w.Shows("354 ")
	w.Enter("Subject: premier essai")
	w.Go("")
	w.Do(chromedp.WaitReady("#task-" + e.task + ".todo"))
	w.Shows("Subject: premier essai")
	other := w.Another()
	other.Shows("Subject: premier essai")
	w.Keys()
	for _, line := range []string{"", "bonjour", "."} {
		w.Enter(line)
	}
	other.Shows("queued as")
	for _, tab := range []*browsertest.Window{w, other} {
		tab.Until(passed(e.task))
	}
	w.Enter("QUIT")
	w.Shows("Connection closed by foreign host.")
	w.Line()
	w.Shot("statement")
}

// read finds the letter in the webmail, and looks at its source.
func (e exercise) read(w *browsertest.Window) {
	w.T.Helper()
	w.Do(chromedp.Click(`.places a[href="mail"]`), chromedp.WaitReady("main#mail"))
	if e.to != e.name {
		w.Go("mail?acct=" + e.to)
		w.Do(chromedp.WaitReady(".letter .unlock"), chromedp.SendKeys(".letter .unlock input[type=password]", e.password+"\r"))
	}
	w.Do(chromedp.WaitReady(".letters .rows"))
	w.Until(`[...document.querySelectorAll(".subject a")].some(a => a.textContent.includes("premier essai") && (a.click(), true))`)
	w.Until(`document.querySelector(".letter .text")?.textContent.includes("bonjour")`)
	w.Do(chromedp.Click(`.letter .ways a[href^="mail-source"]`))
	w.Until(`document.querySelector("pre.source")?.textContent.includes("Subject: premier essai")`)
	w.Until(`document.querySelector("pre.source").textContent.includes("Received: from pc")`)
	w.Shot("source")
}

// answered gives an answer while the line is lost: it is said, and the answer is there when the line is.
func (e exercise) answered(w *browsertest.Window) {
	w.T.Helper()
	area := "#answer-" + e.asked
	w.Go("")
	w.Do(chromedp.WaitReady(area), chromedp.SendKeys(area, e.answer))
	w.Line(browsertest.Lost())
	w.Do(chromedp.SendKeys(area, "\t\r"))
	w.Until(`!document.querySelector("#task-` + e.asked + ` .failure").hidden`)
	w.Line()
	w.Go("")
	w.Do(chromedp.WaitReady(area))
	if got := browsertest.Eval[string](w, `document.querySelector("`+area+`").value`); got != e.answer {
		w.T.Errorf("after a lost line and a reload the answer is %q", got)
	}
	w.Do(chromedp.SendKeys(area, "\t\r"))
	w.Until(`document.querySelector("#task-` + e.asked + ` .given q")?.textContent.includes("` + e.answer + `")`)
}

// freeBase is a base from which on nobody listens: an embedded instance knows of no others.
func freeBase(t *testing.T) int {
	t.Helper()
	free := func(port int) bool {
		l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
		if err != nil {
			return false
		}
		return l.Close() == nil
	}
	for base := 20000; base < 60000; base += 1000 {
		ports := []int{base + 80}
		for seat := range 5 {
			for _, service := range []int{10, 22, 25, 43} {
				ports = append(ports, base+100*seat+service)
			}
		}
		if !slices.ContainsFunc(ports, func(port int) bool { return !free(port) }) {
			return base
		}
	}
	t.Fatal("no base is free")
	return 0
}

// embedded has the class on the embedded engine, whose process is the program that was built.
func (c *class) embedded(runtime string) {
	c.t.Helper()
	program, err := filepath.Abs("../../bin/maillab")
	if err == nil {
		_, err = exec.LookPath(program)
	}
	if err != nil {
		c.t.Fatal(err, ": make build first")
	}
	c.env.Engines = []deploy.Maker{{Name: "embedded", Make: func(context.Context) (engine.Engine, error) {
		return embedded.New(embedded.Config{Runtime: runtime, Data: c.env.DataDir, Command: func(runtime, data string) *exec.Cmd {
			return exec.Command(program, cli.ServeEmbedded, runtime, data)
		}}), nil
	}}}
}
