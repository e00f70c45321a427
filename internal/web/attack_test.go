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
