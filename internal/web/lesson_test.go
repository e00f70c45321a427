package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"maillab/internal/control"
)

// teacherOf is a client of the gateway's desk with a role of its own.
func teacherOf(t *testing.T, c *class, _ *visitor) *control.Client {
	t.Helper()
	desk := New(Config{Reach: c.gateway.Reach}).desk
	t.Cleanup(desk.Close)
	role, err := desk.Roles(t.Context(), control.Code{Code: c.code()})
	if err != nil {
		t.Fatal(err)
	}
	return desk.With(http.Header{control.RoleHeader: {role.Role}})
}

// TestLesson: what has passed is drawn and told, in both languages.
func TestLesson(t *testing.T) {
	c := newClass(t, "amiens-smtp-pop-imap", "alice", "bruno")
	v, _ := c.teacher()
	if _, page, _ := v.do("GET", "lesson", nil); !strings.Contains(page, "Time per task") || !strings.Contains(page, "nobody yet") {
		t.Error("of a class that has not begun: ", page)
	}
	pushed := c.stream(v, "lesson-events")
	c.typed(1, message("util1", "util11")...)
	pushed("lesson", "1 stud.")
	_, page, _ := v.do("GET", "lesson?lang=fr", nil)
	for _, want := range []string{`class="plot"`, `class="plot times"`, "Temps par tâche", "1 étud.", "quart rapide : 1", "<th scope=\"row\">Envoyer un simple message</th><td>1</td>"} {
		if !strings.Contains(page, want) {
			t.Errorf("it lacks %q", want)
		}
	}
}

// TestExpired: a browser whose role the gateway does not know any more is told what to do, on a page of its own.
func TestExpired(t *testing.T) {
	c := newClass(t, "hello", "alice")
	v, token := c.teacher()
	c.newGateway() // which knows no teacher
	for name, a := range map[string]struct{ method, path string }{
		"a page": {"GET", "board"}, "another": {"GET", "person?seat=1&student=alice"}, "the lesson": {"GET", "lesson"}, "marks": {"GET", "grades"},
		"a form": {"POST", "note"}, "a mark": {"POST", "waiting"},
	} {
		status, body, _ := v.do(a.method, a.path, url.Values{"token": {token}, "seat": {"1"}, "student": {"alice"}, "word": {"passed"}, "text": {"x"}}, "Accept", "text/html")
		if status != http.StatusUnauthorized || !strings.Contains(body, "maillab web --open") {
			t.Errorf("%s: %d %.300s", name, status, body)
		}
	}
	if status, body, _ := v.do("GET", "teacher-alive", nil); status != http.StatusUnauthorized || strings.Contains(body, "<html") {
		t.Error("a script: ", status, body)
	}
	if status, body, _ := v.do("GET", "teacher", nil); status != http.StatusOK || !strings.Contains(body, "maillab web --open") {
		t.Error("where the script goes: ", status, body)
	}
}

// TestExpiredInABrowser: the class is left by itself; what is being written is not.
func TestExpiredInABrowser(t *testing.T) {
	c := newClass(t, "hello", "alice")
	w, other := c.newWindow(), c.newWindow()
	w.do(chromedp.Navigate(c.address+"teacher?code="+c.code()), chromedp.WaitReady("table.grid"))
	other.do(chromedp.Navigate(c.address+"teacher?code="+c.code()), chromedp.WaitReady("table.grid"))
	other.do(chromedp.Navigate(c.address+"person?seat=1&student=alice"), chromedp.WaitReady("#note"), chromedp.SendKeys("#note", "half a word"))
	c.newGateway() // which knows no teacher
	w.until(`document.querySelector("pre code")?.textContent === "maillab web --open"`)
	w.shots("expired")
	other.until(`!document.querySelector("#notice").hidden && document.querySelector("#notice a")?.getAttribute("href") === "teacher"`)
	if text := eval[string](other, `document.querySelector("#note").value`); text != "half a word" {
		t.Errorf("what was written is %q", text)
	}
}

// TestLessonInABrowser: the plots change by themselves, at every width; keys alone go through the places.
func TestLessonInABrowser(t *testing.T) {
	c := newClass(t, "amiens-smtp-pop-imap", "alice", "bruno", "carla", "denis")
	w := c.newWindow()
	w.do(chromedp.Navigate(c.address+"teacher?code="+c.code()), chromedp.WaitReady("table.grid"))
	w.do(chromedp.Focus(`.places a[href="board"]`), chromedp.KeyEvent("\t"), chromedp.KeyEvent(kb.Enter), chromedp.WaitReady("#lesson"))
	c.typed(1, message("util1", "util11")...)
	c.typed(2, message("util1", "util11")...)
	w.until(`document.querySelector("svg.plot .middle") && document.querySelector("svg.times .span")`)
	w.until(`document.querySelector("svg.times").textContent.includes("2 étud.") || document.querySelector("svg.times").textContent.includes("2 stud.")`)
	w.shots("lesson")
	w.do(chromedp.Navigate(c.address + "board"))
	w.shots("class")
}

// waits has an answer of a student's wait for the teacher.
func (c *class) waits(student *visitor, task, text string) {
	c.t.Helper()
	_, token := student.home()
	if status, body, _ := student.do("POST", "answer", url.Values{"task": {task}, "answer": {text}}, "X-Token", token); status != http.StatusOK || !strings.Contains(body, "manual") {
		c.t.Fatalf("it does not wait: %d %s", status, body)
	}
}

// essay is a task of the lab whose answers wait for the teacher.
const essay = "q3-webmail"

// TestWaiting: what waits comes one after the other, with what to look for; a word is kept before the next is shown.
func TestWaiting(t *testing.T) {
	c := newClass(t, "caen-pop3-smtp", "alice", "bruno")
	v, token := c.teacher()
	if _, page, _ := v.do("GET", "waiting", nil); !strings.Contains(page, "Nothing waits for your word.") {
		t.Error(page)
	}
	a, b := c.browser(), c.browser()
	a.login("alice", "21000000")
	b.login("bruno", "21000001")
	c.waits(a, essay, "<b>une réponse</b> assez longue pour être lue par quelqu'un")
	c.waits(b, essay, "une autre réponse, assez longue elle aussi, pour être lue")
	_, page, _ := v.do("GET", "waiting", nil)
	for _, want := range []string{"1 of 2", "&lt;b&gt;une réponse", "Look for:", `name="next" value="seat=0&amp;student=bruno&amp;task=` + essay} {
		if !strings.Contains(page, want) {
			t.Errorf("it lacks %q: %s", want, page)
		}
	}
	word := func(w, other string) url.Values {
		return url.Values{"token": {token}, "seat": {"0"}, "student": {"alice"}, "task": {essay}, "word": {w}, "other": {other}, "comment": {"voyez <i>"}, "next": {"seat=0&student=bruno&task=" + essay}}
	}
	for _, wrong := range []url.Values{word("", ""), word("other", "7"), word("other", "x"), word("auto", "")} {
		if status, body, _ := v.do("POST", "waiting", wrong); status != http.StatusUnprocessableEntity || !strings.Contains(body, "voyez &lt;i&gt;") {
			t.Errorf("%v: %d", wrong["word"], status)
		}
	}
	status, body, h := v.do("POST", "waiting", word("other", "3/5"))
	if status != http.StatusSeeOther || h.Get("Location") != "waiting?seat=0&student=bruno&task="+essay+"#answer" {
		t.Fatal(status, h, body)
	}
	if _, page, _ = v.do("GET", "waiting?seat=0&student=bruno&task="+essay, nil); !strings.Contains(page, "1 of 1") || !strings.Contains(page, "une autre réponse") {
		t.Error(page)
	}
	if home, _ := a.home(); !strings.Contains(home, "voyez &lt;i&gt;") {
		t.Error("the student does not see the comment")
	}
	if status, _, h := v.do("POST", "waiting", url.Values{"token": {token}, "seat": {"0"}, "student": {"bruno"}, "task": {essay}, "word": {"passed"}, "next": {"//evil.example"}}); status != http.StatusSeeOther || !strings.HasPrefix(h.Get("Location"), "waiting?") {
		t.Error("it leads elsewhere: ", status, h)
	}
}

// TestWaitingInABrowser: keys alone mark one after the other.
func TestWaitingInABrowser(t *testing.T) {
	c := newClass(t, "caen-pop3-smtp", "alice", "bruno")
	for _, student := range []string{"alice", "bruno"} {
		v := c.browser()
		v.login(student, map[string]string{"alice": "21000000", "bruno": "21000001"}[student])
		c.waits(v, essay, student+" répond assez longuement pour que quelqu'un lise cela")
	}
	w := c.newWindow()
	w.do(chromedp.Navigate(c.address+"teacher?code="+c.code()), chromedp.WaitReady("table.grid"), chromedp.Navigate(c.address+"waiting"), chromedp.WaitReady("#answer"))
	w.shots("waiting")
	w.do(chromedp.Focus("input[name=word]"), chromedp.KeyEvent(" "), chromedp.KeyEvent("\t"), chromedp.KeyEvent("\t"), chromedp.KeyEvent("bien"), chromedp.KeyEvent("\t"), chromedp.KeyEvent(kb.Enter))
	w.until(`document.querySelector("#answer .given")?.textContent.startsWith("bruno")`)
	w.do(chromedp.Focus("input[name=word]"), chromedp.KeyEvent(kb.ArrowDown), chromedp.KeyEvent(kb.Enter))
	w.until(`!document.querySelector("#answer form")`)
}

// TestGrades: marks come in every form, with names and numbers when the browser was given the class list, which nobody else has.
func TestGrades(t *testing.T) {
	c := newClass(t, "amiens-smtp-pop-imap", "alice", "bruno")
	v, token := c.teacher()
	v.do("POST", "mark", url.Values{"token": {token}, "seat": {"2"}, "student": {"bruno"}, "task": {"enveloppe"}, "share": {"0.5"}})
	_, page, _ := v.do("GET", "grades?outof=20&step=0.5", nil)
	for _, want := range []string{"grades-file?form=csv&amp;name=try&amp;outof=20&amp;step=0.5", "grade /20", "nobody has what Moodle is to know them by: email", "did nothing: alice"} {
		if !strings.Contains(page, want) {
			t.Errorf("it lacks %q: %s", want, page)
		}
	}
	status, csv, h := v.do("GET", "grades-file?form=csv&outof=20", nil)
	if status != http.StatusOK || !strings.Contains(csv, "\n2,bruno,") || !strings.Contains(h.Get("Content-Disposition"), "marks.csv") {
		t.Error(status, h, csv)
	}
	if _, excel, _ := v.do("GET", "grades-file?form=excel", nil); !strings.HasPrefix(excel, "\ufeffseat;student;") {
		t.Errorf("%.60q", excel)
	}
	if _, page, _ := v.do("GET", "grades?lang=fr&outof=20", nil); !strings.Contains(page, `<th scope="col">étudiant</th>`) || !strings.Contains(page, "note /20") {
		t.Error("the table in French: ", page)
	}
	if _, excel, _ := v.do("GET", "grades-file?form=excel", nil); !strings.HasPrefix(excel, "\ufeffplace;étudiant;") {
		t.Errorf("%.60q", excel)
	}
	v.do("GET", "grades?lang=en", nil)
	if _, book, _ := v.do("GET", "grades-file?form=xlsx", nil); !strings.HasPrefix(book, "PK") {
		t.Errorf("%.60q", book)
	}
	upload := func(field, name, text string, more ...string) (int, string) {
		body := strings.Join(more, "") + "--b\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\n" + token + "\r\n--b\r\nContent-Disposition: form-data; name=\"" + field + "\"; filename=\"" + name + "\"\r\n\r\n" + text + "\r\n--b--\r\n"
		path := map[string]string{"list": "grades-list", "worksheet": "grades-filled"}[field]
		r, _ := http.NewRequestWithContext(t.Context(), "POST", c.address+path, strings.NewReader(body))
		r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
		response, err := v.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		answer := httptest.NewRecorder()
		_, _ = response.Body, response.Write(answer)
		return response.StatusCode, answer.Body.String()
	}
	if status, body := upload("list", "class.csv", "name,number,email\nalice,21000000,alice@univ.example\nbruno,21000001,bruno@univ.example\n"); status != http.StatusSeeOther {
		t.Fatal(status, body)
	}
	if _, moodle, _ := v.do("GET", "grades-file?form=moodle.email&outof=20", nil); !strings.Contains(moodle, "bruno@univ.example,") {
		t.Error(moodle)
	}
	other, _ := c.teacher()
	if _, page, _ := other.do("GET", "grades", nil); strings.Contains(page, "univ.example") || strings.Contains(page, "21000001") {
		t.Error("another browser has the list")
	}
	if status, body := upload("list", "class.csv", "nothing,here\n1,2\n"); status != http.StatusUnprocessableEntity {
		t.Error(status, body)
	}
	forget := "--b\r\nContent-Disposition: form-data; name=\"forget\"\r\n\r\n1\r\n"
	if status, body := upload("list", "class.csv", "name,number\nbruno,21000077\n", forget); status != http.StatusSeeOther {
		t.Error(status, body)
	}
	if _, page, _ := v.do("GET", "grades", nil); strings.Contains(page, "2100000") || strings.Contains(page, "21000077") {
		t.Error("a list that was to be forgotten, or the file that was chosen beside, is there")
	}
	if status, body := upload("list", "class.csv", ""); status != http.StatusUnprocessableEntity || !strings.Contains(body, "the file is empty") {
		t.Error(status, body)
	}
	sheet := "Identifier,\"Full name\",\"Email address\",Status,Grade,\"Maximum Grade\",\"Grade can be changed\",\"Last modified (grade)\",\"Feedback comments\"\n" +
		"\"Participant 1\",bruno,bruno@univ.example,,,20.00,Yes,-,\n"
	if status, body := upload("worksheet", "Grades.csv", sheet); status != http.StatusOK || !strings.Contains(body, `"Participant 1",bruno,bruno@univ.example,`) {
		t.Error(status, body)
	}
	if status, body := upload("worksheet", "Grades.csv", "x"); status != http.StatusUnprocessableEntity || !strings.Contains(body, "Grades.csv") {
		t.Error(status, body)
	}
	for _, wrong := range []string{"grades-file?form=csv&outof=x", "grades-file?form=csv&outof=-1", "grades-file?form=csv&step=NaN"} {
		if status, _, _ := v.do("GET", wrong, nil); status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", wrong, status)
		}
	}
	if status, _, _ := v.do("GET", "grades-file?form=../x", nil); status != http.StatusNotFound {
		t.Error(status)
	}
	alice := c.browser()
	alice.login("alice", "master2021")
	_, own := alice.home()
	if status, body, _ := alice.do("POST", "check", url.Values{"token": {own}, "task": {"enveloppe"}}); status != http.StatusSeeOther {
		t.Fatal(status, body)
	}
	if _, page, _ := v.do("GET", "grades", nil); strings.Contains(page, "did nothing") {
		t.Error("who tried a task did nothing")
	}
	w := c.newWindow()
	w.do(chromedp.Navigate(c.address+"teacher?code="+c.code()), chromedp.WaitReady("table.grid"), chromedp.Navigate(c.address+"grades?outof=20"), chromedp.WaitReady("table.numbers"))
	w.shots("grades")
}
