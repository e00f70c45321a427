package web

import (
	"bufio"
	"net/http"
	"net/url"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"maillab/internal/web/terminal"
)

// TestStudent: the login, the statement with its tasks in the student's language, a check, an answer, the end.
func TestStudent(t *testing.T) {
	c := newClass(t, "amiens-smtp-pop-imap", "alice", "bruno")
	v := c.browser()
	if page, _ := v.home(); !strings.Contains(page, `action="login"`) {
		t.Fatal("no login form: ", page)
	}
	if status, _ := v.login("Alice", "master2021"); status != http.StatusSeeOther {
		t.Fatal("login: ", status)
	}
	page, token := v.home()
	for _, want := range []string{`<html lang="fr">`, "TD protocoles SMTP, POP, IMAP", `id="task-message-simple"`, "0 tâches sur 20", "util1"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if at := strings.Index(page, `id="task-message-simple"`); at < strings.Index(page, "<strong>1.2</strong>") || at > strings.Index(page, "<strong>1.3</strong>") {
		t.Error("the task is not below its exercise")
	}
	if english, _, _ := v.do("GET", "?lang=en", nil); english != http.StatusOK {
		t.Error(english)
	}
	if page, _ = v.home(); !strings.Contains(page, `<html lang="en">`) || !strings.Contains(page, "Send a simple message") {
		t.Error("it does not speak English")
	}
	c.typed(1, message("util1", "util11")...)
	status, body, _ := v.do("POST", "check", url.Values{"task": {"message-simple"}}, "X-Token", token)
	if got := decode[change](t, body); status != http.StatusOK || got.State["message-simple"] != "passed" {
		t.Errorf("%d %s", status, body)
	}
	status, body, _ = v.do("POST", "answer", url.Values{"task": {"message-verifier"}, "answer": {"<wrong>"}}, "X-Token", token)
	if got := decode[change](t, body); status != http.StatusOK || got.State["message-verifier"] != "failed" || !strings.Contains(got.Cards["message-verifier"], "&lt;wrong&gt;") {
		t.Errorf("%d %s", status, body)
	}
	// Without a script: the form comes with the session's token, and leads back to the task.
	status, _, header := v.do("POST", "check", url.Values{"task": {"message-simple"}, "token": {token}})
	if status != http.StatusSeeOther || header.Get("Location") != "./#task-message-simple" {
		t.Error(status, header)
	}
	if status, body, _ = v.do("POST", "answer", url.Values{"task": {"message-simple"}, "answer": {"x"}, "token": {token}}); status != http.StatusUnprocessableEntity || !strings.Contains(body, "no question") {
		t.Error(status)
	}
	if status, _, _ = v.do("POST", "logout", url.Values{"token": {token}}); status != http.StatusSeeOther {
		t.Error(status)
	}
	if status, _, _ = v.do("GET", "alive", nil); status != http.StatusUnauthorized {
		t.Error("after the end: ", status)
	}
}

// TestPushed: what changes is pushed, once.
func TestPushed(t *testing.T) {
	c := newClass(t, "amiens-smtp-pop-imap", "alice")
	v := c.browser()
	v.login("alice", "master2021")
	r, err := http.NewRequestWithContext(t.Context(), "GET", c.address+"events", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := v.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	events := make(chan string)
	go func() {
		for in := bufio.NewScanner(response.Body); in.Scan(); {
			if data, is := strings.CutPrefix(in.Text(), "data: "); is && strings.HasPrefix(data, "{") {
				events <- data
			}
		}
	}()
	first := decode[change](t, <-events)
	if first.State["message-simple"] != "todo" || len(first.State) != 20 {
		t.Errorf("%v", first.State)
	}
	c.typed(1, message("util1", "util11")...)
	for {
		select {
		case text := <-events:
			if decode[change](t, text).State["message-simple"] == "passed" {
				return
			}
		case <-time.After(time.Minute):
			t.Fatal("nothing came")
		}
	}
}

// TestShared: on a server that a class shares, everybody gets what is his, and an account's name is a login, too.
func TestShared(t *testing.T) {
	c := newClass(t, "caen-pop3-smtp", "alice", "bruno")
	if _, shared := c.specs[0]; !shared {
		t.Skip("the lab is not shared any more")
	}
	for name, password := range map[string]string{"alice": "21000000", "21000001": "21000001"} {
		v := c.browser()
		if status, body := v.login(name, password); status != http.StatusSeeOther {
			t.Fatal(name, status, body)
		}
		if page, _ := v.home(); !strings.Contains(page, `title="Compte">`+password) && !strings.Contains(page, `title="Account">`+password) {
			t.Errorf("%s sees somebody else's page", name)
		} else if strings.Contains(page, "{password}") || !strings.Contains(page, "<td><code>"+password) {
			t.Errorf("%s has no statement of his own", name)
		}
	}
	if status, _ := c.browser().login("alice", "21000001"); status != http.StatusUnauthorized {
		t.Error("another's password: ", status)
	}
}

// TestSameTerminals: an account's terminals are the same in every browser, and end with its last session.
func TestSameTerminals(t *testing.T) {
	r := &rooms{}
	one, two, other := r.enter(1, "util1", "alice"), r.enter(1, "util1", "alice"), r.enter(2, "util1", "bruno")
	if one != two || one == other {
		t.Fatal("whose terminals are whose")
	}
	started := terminal.Start(terminal.Console{Words: func(string, ...any) string { return "" }}.Run(80, 24), 80, 24)
	one.open[1] = started
	one.leave()
	if one.open[1] == nil || started.Over() {
		t.Error("they end with the first session")
	}
	two.leave()
	for end := time.Now().Add(time.Minute); !started.Over(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("they do not end with the last session")
		}
	}
	if len(two.open) != 0 {
		t.Error("what has ended is kept")
	}
}

// TestOpening: while somebody's terminal opens, another session of that account waits, and nobody else does.
func TestOpening(t *testing.T) {
	r := &rooms{}
	opening := r.enter(1, "util1", "alice")
	opening.mu.Lock() // as terminalOf has it
	entered, rest := make(chan *desks), make(chan struct{})
	go func() { entered <- r.enter(1, "util1", "alice") }()
	stacks := make([]byte, 1<<20)
	for waits := regexp.MustCompile(`\[sync\.Mutex\.Lock.*\]:\n(.+\n)*maillab/internal/web\.\(\*rooms\)\.enter\(`); !waits.Match(stacks[:runtime.Stack(stacks, true)]); {
		runtime.Gosched()
	}
	go func() {
		defer close(rest)
		r.of(1, "bruno")
		r.enter(2, "util1", "bruno")
		opening.changed.tell()
		opening.mu.Unlock()
	}()
	select {
	case <-rest:
	case <-time.After(time.Minute):
		t.Fatal("all wait for alice's terminal")
	}
	if <-entered != opening {
		t.Error("whose terminals are whose")
	}
}
