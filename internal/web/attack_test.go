package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestAttacks: what a hostile student, or somebody else's site, may try.
func TestAttacks(t *testing.T) {
	c := newClass(t, "amiens-smtp-pop-imap", "alice", "bruno")
	v := c.browser()
	if status, body := v.login("alice", "master2021"); status != http.StatusSeeOther {
		t.Fatal(status, body)
	}
	_, token := v.home()
	other := c.browser()
	other.login("bruno", "master2021")
	_, bruno := other.home()
	check := url.Values{"task": {"message-simple"}}
	for name, a := range map[string]struct {
		method, path string
		form         url.Values
		headers      []string
		want         int
	}{
		"no token":                       {"POST", "check", check, nil, http.StatusForbidden},
		"another's token":                {"POST", "check", check, []string{"X-Token", bruno}, http.StatusForbidden},
		"another site, with a token":     {"POST", "check", check, []string{"X-Token", token, "Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		"another origin":                 {"POST", "check", check, []string{"X-Token", token, "Origin", "http://evil.example"}, http.StatusForbidden},
		"another site logs in":           {"POST", "login", url.Values{"name": {"alice"}, "password": {"master2021"}}, []string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		"another student's, by a field":  {"POST", "answer", url.Values{"task": {"message-verifier"}, "student": {"bruno"}, "answer": {"x"}, "token": {token}}, nil, http.StatusUnprocessableEntity},
		"a path out":                     {"GET", "static/../web.go", nil, nil, http.StatusTemporaryRedirect},
		"a path out, in disguise":        {"GET", "static/%2e%2e/%2e%2e/etc/passwd", nil, nil, http.StatusNotFound},
		"a file that is not static":      {"GET", "pages/login.html", nil, nil, http.StatusNotFound},
		"control":                        {"GET", "v1/spec", nil, nil, http.StatusNotFound},
		"an answer that is far too long": {"POST", "answer", url.Values{"task": {"message-verifier"}, "answer": {strings.Repeat("x", 200<<10)}, "token": {token}}, nil, http.StatusRequestEntityTooLarge},
	} {
		if status, body, _ := v.do(a.method, a.path, a.form, a.headers...); status != a.want {
			t.Errorf("%s: %d, want %d: %.200s", name, status, a.want, body)
		}
	}
	for _, forged := range []string{"", "x", "../../etc", "A\x00B:", "alice:master2021"} {
		if status, body := c.browser().login(forged, forged); status != http.StatusUnauthorized || strings.Contains(body, "<script>alert") {
			t.Errorf("login as %q: %d", forged, status)
		}
	}
	_, body := c.browser().login(`"><script>alert(1)</script>`, "x")
	if strings.Contains(body, "<script>alert") {
		t.Error("a name is markup")
	}
}

// TestTeachersPages: what is the teacher's opens for nobody else, by no forged role or token, and changes by no other site's form.
func TestTeachersPages(t *testing.T) {
	c := newClass(t, "amiens-smtp-pop-imap", "alice", "bruno")
	teacher, token := c.teacher()
	student, nobody := c.browser(), c.browser()
	student.login("alice", "master2021")
	_, mine := student.home()
	form := func(token string) url.Values {
		return url.Values{"seat": {"1"}, "student": {"alice"}, "task": {"enveloppe"}, "text": {"x"}, "scope": {"all"}, "word": {"passed"}, "share": {"passed"}, "next": {"x"}, "token": {token}}
	}
	query := "?seat=1&student=alice&account=util1&tab=1&id=1&form=csv"
	for _, page := range []string{"board", "board-events", "person", "person-events", "look", "lesson", "lesson-events", "waiting", "grades", "grades-file", "replay",
		"replay-scenes", "replay-file", "reset", "teacher-alive"} {
		for who, v := range map[string]*visitor{"a student": student, "nobody": nobody} {
			if status, body, _ := v.do("GET", page+query, nil, "Maillab-Role", token, "X-Token", token); status != http.StatusUnauthorized || strings.Contains(body, "bruno") {
				t.Errorf("%s at %s: %d", who, page, status)
			}
		}
	}
	for _, page := range []string{"mark", "note", "copy", "reset", "put-back", "waiting", "grades-list", "grades-filled", "teacher-out"} {
		for name, a := range map[string]struct {
			v       *visitor
			form    url.Values
			headers []string
			want    int
		}{
			"a student":                 {student, form(mine), nil, http.StatusUnauthorized},
			"a student, with its token": {student, form(token), []string{"X-Token", token, "Maillab-Role", token}, http.StatusUnauthorized},
			"no token":                  {teacher, form(""), nil, http.StatusForbidden},
			"a student's token":         {teacher, form(mine), nil, http.StatusForbidden},
			"another site":              {teacher, form(token), []string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
			"another origin":            {teacher, form(token), []string{"Origin", "http://evil.example"}, http.StatusForbidden},
		} {
			if status, body, _ := a.v.do("POST", page, a.form, a.headers...); status != a.want {
				t.Errorf("%s at %s: %d, want %d: %.200s", name, page, status, a.want, body)
			}
		}
		if page == "reset" || page == "waiting" {
			continue // there is a page that asks
		}
		if status, _, _ := teacher.do("GET", page+query+"&token="+token, nil); status != http.StatusMethodNotAllowed {
			t.Errorf("%s by its address: %d", page, status)
		}
	}
	if home, _ := student.home(); strings.Contains(home, "comment\">") {
		t.Error("something was marked")
	}
	if copies, err := teacherOf(t, c, teacher).Seat(1).Copies(t.Context(), "alice"); err != nil || len(copies) != 0 {
		t.Error("something was copied: ", copies, err)
	}
}

// TestHeaders: what every answer tells the browser.
func TestHeaders(t *testing.T) {
	c := newClass(t, "hello", "alice")
	for _, path := range []string{"", "static/page.js", "nothing"} {
		_, _, h := c.browser().do("GET", path, nil)
		policy := h.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %v", path, h)
		}
	}
	v := c.browser()
	_, _, h := v.do("POST", "login", url.Values{"name": {"alice"}, "password": {c.specs[1].Accounts[0].Password}})
	if cookie := h.Get("Set-Cookie"); !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "SameSite=Lax") {
		t.Errorf("the cookie: %q", cookie)
	}
}

// TestGuessing: who guesses waits longer and longer, for this name, and nobody else does.
func TestGuessing(t *testing.T) {
	now := time.Date(2026, 3, 26, 11, 0, 0, 0, time.UTC)
	a := newAttempts(func() time.Time { return now })
	for range freeAttempts - 1 {
		a.failed("x alice")
	}
	if a.wait("x alice") != 0 {
		t.Error("too early")
	}
	a.failed("x alice")
	first := a.wait("x alice")
	a.failed("x alice")
	if second := a.wait("x alice"); first <= 0 || second <= first || a.wait("x bruno") != 0 {
		t.Error(first, second)
	}
	for range 100 {
		a.failed("x alice")
	}
	if got := a.wait("x alice"); got > longestWait {
		t.Error(got)
	}
	now = now.Add(longestWait)
	if a.wait("x alice") != 0 {
		t.Error("it does not end")
	}
	a.succeeded("x alice")
	a.failed("x alice")
	if a.wait("x alice") != 0 {
		t.Error("it is not forgotten")
	}
}

// TestSessionsEnd: idle ones, old ones, and the oldest of too many.
func TestSessionsEnd(t *testing.T) {
	now := time.Date(2026, 3, 26, 11, 0, 0, 0, time.UTC)
	ss := newSessions(func() time.Time { return now })
	begin := func() *http.Request {
		r, _ := http.NewRequest("GET", "http://x:1/", nil)
		w := &cookies{header: http.Header{}}
		ss.begin(w, r, &session{})
		r.Header.Set("Cookie", strings.SplitN(w.header.Get("Set-Cookie"), ";", 2)[0])
		return r
	}
	one := begin()
	for range 5 {
		now = now.Add(idleLife - time.Minute)
		if now.Sub(time.Date(2026, 3, 26, 11, 0, 0, 0, time.UTC)) < wholeLife && ss.of(one) == nil {
			t.Fatal("it ends too early")
		}
	}
	if ss.of(one) != nil {
		t.Error("it never ends")
	}
	two := begin()
	now = now.Add(idleLife + time.Second)
	if ss.of(two) != nil {
		t.Error("an idle one does not end")
	}
	three := begin()
	if ss.of(three) == nil || len(ss.all) != 1 {
		t.Errorf("%d are kept", len(ss.all))
	}
	ss.end(three)
	if ss.of(three) != nil {
		t.Error("it is not ended")
	}
}

type cookies struct {
	http.ResponseWriter
	header http.Header
}

func (c *cookies) Header() http.Header { return c.header }
