package web

import (
	"bufio"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"maillab/internal/control"
)

// TestCare: a message comes as mail and at once on the student's page; a reset asks, keeps a copy, and the copy comes back.
func TestCare(t *testing.T) {
	c := newClass(t, "amiens-smtp-pop-imap", "alice", "bruno")
	v, token := c.teacher()
	student := c.browser()
	student.login("alice", "master2021")
	_, mine := student.home()
	notices := c.stream(student, "events")
	alice := func(more ...string) url.Values {
		form := url.Values{"seat": {"1"}, "student": {"alice"}, "token": {token}}
		for i := 0; i+1 < len(more); i += 2 {
			form.Set(more[i], more[i+1])
		}
		return form
	}
	if status, body, h := v.do("POST", "note", alice("text", "Regardez <b>l'enveloppe</b>.\r\nEncore.")); status != http.StatusSeeOther || !strings.HasSuffix(h.Get("Location"), "done=note") {
		t.Fatal(status, body)
	}
	said := notices("notice", `"text":"Regardez`)
	if !strings.Contains(said, `\u003cb\u003el'enveloppe`) {
		t.Error(said)
	}
	mailed := ""
	for !strings.Contains(mailed, "Message de votre enseignant") {
		_, mailed, _ = student.do("GET", "mail", nil)
	}
	id := decode[notice](t, said).ID
	if status, _, _ := student.do("POST", "noticed", url.Values{"id": {id}}, "X-Token", mine); status != http.StatusNoContent {
		t.Error(status)
	}
	notices("notice", `"text":""`)
	if status, body, _ := v.do("POST", "note", alice("text", "\x1b[2J")); status != http.StatusUnprocessableEntity || !strings.Contains(body, "a note is text") {
		t.Error(status)
	}
	c.typed(1, message("util1", "util11")...)
	page := "person?seat=1&student=alice"
	for body := ""; !strings.Contains(body, `class="task passed"`); {
		_, body, _ = v.do("GET", page, nil)
	}
	_, question, _ := v.do("GET", "reset?seat=1&student=alice", nil)
	if !strings.Contains(question, "Put alice back to the start?") || !strings.Contains(question, "1 of 20 tasks are passed") {
		t.Error(question)
	}
	if status, body, _ := v.do("POST", "reset", alice("scope", "all")); status != http.StatusSeeOther {
		t.Fatal(status, body)
	}
	_, body, _ := v.do("GET", page, nil)
	if strings.Contains(body, `class="task passed"`) || !strings.Contains(body, "copy=2") {
		t.Error("nothing was put back, or no copy kept: ", body)
	}
	_, rest, _ := strings.Cut(body, "copy=")
	copied, _, _ := strings.Cut(rest, "&")
	if copied, _, _ = strings.Cut(copied, `"`); copied == "" {
		t.Fatal(body)
	}
	if _, question, _ = v.do("GET", "reset?seat=1&student=alice&copy="+copied, nil); !strings.Contains(question, "Put alice back to the copy of") {
		t.Error(question)
	}
	if status, body, _ := v.do("POST", "put-back", alice("copy", copied)); status != http.StatusSeeOther {
		t.Fatal(status, body)
	}
	if _, body, _ := v.do("GET", page, nil); !strings.Contains(body, `class="task passed"`) || strings.Count(body, "copy=2") != 2 {
		t.Error("it did not come back, or without a way back")
	}
	for _, wrong := range []string{"", "20260101T000000.000", "../spec"} {
		if status, _, _ := v.do("POST", "put-back", alice("copy", wrong)); status != http.StatusUnprocessableEntity {
			t.Errorf("copy %q: %d", wrong, status)
		}
	}
	if status, _, _ := v.do("POST", "reset", alice("student", "", "scope", "all")); status != http.StatusUnprocessableEntity && status != http.StatusBadGateway {
		t.Errorf("nobody is put back: %d", status)
	}
}

// stream listens to what a page is pushed; what it returns waits for an event with something in it.
func (c *class) stream(v *visitor, path string) func(event, holds string) string {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, c.address+path, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	client := *v.client
	client.Timeout = 0
	response, err := client.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { response.Body.Close() })
	in := bufio.NewScanner(response.Body)
	in.Buffer(nil, 4<<20)
	return func(event, holds string) string {
		c.t.Helper()
		now, seen := "", ""
		for in.Scan() {
			if name, is := strings.CutPrefix(in.Text(), "event: "); is {
				now = name
			}
			data, is := strings.CutPrefix(in.Text(), "data: ")
			if is && now == event && strings.Contains(data, holds) {
				return data
			}
			seen += in.Text() + "\n"
		}
		c.t.Fatalf("no %q with %q came: %v\n%.2000s", event, holds, in.Err(), seen)
		return ""
	}
}

// TestCareIsNarrow: the page's role may reset one student with a copy, and nothing wider.
func TestCareIsNarrow(t *testing.T) {
	c := newClass(t, "caen-pop3-smtp", "alice", "bruno")
	v, _ := c.teacher()
	desk := teacherOf(t, c, v)
	for name, reset := range map[string]control.Reset{
		"everybody":     {Scope: "all", Keep: true},
		"several":       {Students: []string{"alice", "bruno"}, Scope: "all", Keep: true},
		"without a way": {Students: []string{"alice"}, Scope: "all"},
		"no name":       {Students: []string{""}, Scope: "all", Keep: true},
	} {
		if _, err := desk.Seat(0).Reset(t.Context(), reset); !isStatus(err, http.StatusForbidden) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := desk.Seat(0).Reset(t.Context(), control.Reset{Students: []string{"alice"}, Scope: "mail", Keep: true}); err != nil {
		t.Error(err)
	}
	if _, err := desk.Seat(0).Save(t.Context(), nil); !isStatus(err, http.StatusForbidden) {
		t.Errorf("everybody's files are read: %v", err)
	}
	if _, err := desk.Seat(0).Restore(t.Context(), control.Restore{Students: []string{"alice"}, Scope: "all"}, strings.NewReader("x")); !isStatus(err, http.StatusForbidden) {
		t.Errorf("files are planted: %v", err)
	}
	if err := desk.Seat(0).Send(t.Context(), control.Send{From: "president", To: []string{"21000000"}, Raw: []byte("Subject: x\n\n")}); !isStatus(err, http.StatusForbidden) {
		t.Errorf("a letter in another's name: %v", err)
	}
}
