//go:build linux

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	shown "maillab/internal/web/terminal"
)

// TestPage: a class with a page on a real engine. A student logs in, types a message in a terminal of the page, which is SSH, and
// the task passes; the teacher's link shows it; the page is killed and comes back; up takes it away again.
func TestPage(t *testing.T) {
	c := newClass(t, "page")
	c.run("up", "-y", "-f", "amiens-smtp-pop-imap", "--students", "2", "--web")
	link := c.page()
	alone(c)
	student := &browser{t: t, page: link.Address, client: newClient(t)}
	student.post("login", url.Values{"name": {"student01"}, "password": {"master2021"}}, http.StatusSeeOther)
	screen := student.openTerminal()
	for _, line := range []string{"telnet localhost 25", "HELO pc", "MAIL FROM:<util1>", "RCPT TO:<util11>", "DATA", "hello", ".", "QUIT"} {
		screen.types(line)
	}
	screen.shows("Connection closed by foreign host.")
	measure(t, screen)
	student.until("", `task passed" id="task-message-simple"`)
	if other := (&browser{t: t, page: link.Address, client: newClient(t)}); other.status("alive") != http.StatusUnauthorized {
		t.Error("nobody is let in")
	}
	teacher := link.teacher(t)
	teacher.until("board", "student01")
	teacher.until("person?seat=1&student=student01", "RCPT TO:")
	engineDo(t, "restart", "-t", "0", "maillab-"+c.name+"-web")
	student.untilStatus("alive", http.StatusUnauthorized) // it keeps nothing, and is there
	student.post("login", url.Values{"name": {"student01"}, "password": {"master2021"}}, http.StatusSeeOther)
	c.run("up", "-y", "--web=false")
	if slices.ContainsFunc(c.containers(), func(name string) bool { return strings.HasSuffix(name, "-web") }) {
		t.Error("the page is not taken away: ", c.containers())
	}
}

// pageLink is where a class's page is, and the link that makes one browser the teacher's.
type pageLink struct{ Address, Teacher string }

// page makes a new link.
func (c *class) page() (link pageLink) {
	c.t.Helper()
	if err := json.Unmarshal([]byte(c.run("web", "-o", "json")), &link); err != nil {
		c.t.Fatal(err)
	}
	return link
}

// teacher is a browser that has used the link.
func (link pageLink) teacher(t *testing.T) *browser {
	t.Helper()
	_, query, _ := strings.Cut(link.Teacher, "?")
	code, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{t: t, page: link.Address, client: newClient(t)}
	b.post("teacher", code, http.StatusSeeOther)
	return b
}

// alone: the page's container has no network, no rights, and nothing that it could write.
func alone(c *class) {
	c.t.Helper()
	out, err := exec.Command("docker", "inspect", "-f",
		"{{.HostConfig.NetworkMode}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapAdd}} {{.Config.User}} {{range .Mounts}}{{.Destination}} {{.RW}}{{end}}", "maillab-"+c.name+"-web").Output()
	if got := strings.TrimSpace(string(out)); err != nil || got != "none true [] 65533:65533 /mnt false" {
		c.t.Errorf("the page's container: %q, %v", got, err)
	}
}

// browser is one that has cookies and no screen.
type browser struct {
	t      *testing.T
	page   string
	client *http.Client
}

func newClient(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar, Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func (b *browser) post(path string, form url.Values, want int) {
	b.t.Helper()
	response, err := b.client.PostForm(b.page+path, form)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != want {
		text, _ := io.ReadAll(response.Body)
		b.t.Fatalf("%s: %d, want %d: %s", path, response.StatusCode, want, text)
	}
}

// get is a page, whatever its status; "" where nobody answers.
func (b *browser) get(path string) (int, string) {
	response, err := b.client.Get(b.page + path)
	if err != nil {
		return 0, ""
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(text)
}

func (b *browser) status(path string) int {
	status, _ := b.get(path)
	return status
}

// until looks at a page until it has a text.
func (b *browser) until(path, want string) {
	b.t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		_, text := b.get(path)
		if strings.Contains(text, want) {
			return
		}
		if time.Now().After(end) {
			b.t.Fatalf("%s never says %q:\n%s", path, want, text)
		}
	}
}

func (b *browser) untilStatus(path string, want int) {
	b.t.Helper()
	for end := time.Now().Add(time.Minute); b.status(path) != want; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("%s: never %d", path, want)
		}
	}
}

// screenOf is a terminal of a page.
type screenOf struct {
	t    *testing.T
	ctx  context.Context
	conn *websocket.Conn
	rows map[int]string
}

// openTerminal opens one, and waits for its prompt.
func (b *browser) openTerminal() *screenOf {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 10*time.Minute)
	b.t.Cleanup(cancel)
	conn, _, err := websocket.Dial(ctx, b.page+"terminal?tab=1&cols=90&rows=40", &websocket.DialOptions{HTTPClient: b.client})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = conn.CloseNow() })
	conn.SetReadLimit(4 << 20)
	s := &screenOf{b.t, ctx, conn, map[int]string{}}
	s.shows("$")
	return s
}

// types types a line as a person does, and waits until it is shown.
func (s *screenOf) types(line string) {
	s.t.Helper()
	for _, key := range line {
		s.sends(string(key))
		time.Sleep(40 * time.Millisecond) // whether a person typed it is judged from this
	}
	s.shows(line)
	s.sends("\r")
	time.Sleep(500 * time.Millisecond)
}

func (s *screenOf) sends(keys string) {
	s.t.Helper()
	text, _ := json.Marshal(map[string]string{"keys": keys}) // a map of texts marshals
	if err := s.conn.Write(s.ctx, websocket.MessageText, text); err != nil {
		s.t.Fatal(err)
	}
}

// next takes a frame.
func (s *screenOf) next() {
	s.t.Helper()
	_, text, err := s.conn.Read(s.ctx)
	if err != nil {
		s.t.Fatalf("%v; the screen: %v", err, s.rows)
	}
	var f shown.Frame
	if err := json.Unmarshal(text, &f); err != nil {
		s.t.Fatal(err)
	}
	for y, row := range f.Rows {
		s.rows[y] = ""
		for _, run := range row {
			s.rows[y] += run[0]
		}
	}
}

// shows waits until a row has a text.
func (s *screenOf) shows(want string) {
	s.t.Helper()
	for {
		for _, row := range s.rows {
			if strings.Contains(row, want) {
				return
			}
		}
		s.next()
	}
}

// measure tells how long a key's echo takes through page, SSH and back: it is told, not judged.
func measure(t *testing.T, s *screenOf) {
	t.Helper()
	s.sends("\x15\rclear\r")
	var times []time.Duration
	for i := range 60 {
		mark := fmt.Sprintf("m%02d", i)
		s.sends("# " + mark[:2])
		s.shows("# " + mark[:2])
		begun := time.Now()
		s.sends(mark[2:])
		s.shows("# " + mark)
		times = append(times, time.Since(begun))
		s.sends("\x15")
	}
	slices.Sort(times)
	t.Logf("a key's echo: %v in the middle, %v at the 95th percentile", times[30], times[57])
}
