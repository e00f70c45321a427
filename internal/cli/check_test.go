package cli

import (
	"bytes"
	"encoding/xml"
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/check"
	"maillab/internal/classroom"
	"maillab/internal/dialogue"
	"maillab/internal/instance"
	"maillab/internal/lab/task"
	"maillab/internal/progress"
	"maillab/internal/register"
	"maillab/internal/roster"
	"maillab/internal/say"
)

func noon() time.Time { return time.Date(2026, 3, 26, 12, 0, 0, 0, time.UTC) }

// app is a program whose output can be looked at.
func testApp(t *testing.T, env map[string]string) (*app, *bytes.Buffer) {
	t.Helper()
	var out bytes.Buffer
	getenv := func(name string) string { return env[name] }
	return &app{
		Env:    Env{Out: &out, Err: &bytes.Buffer{}, Now: noon, DataDir: t.TempDir(), Getenv: getenv},
		Tongue: say.In(say.Chosen(nil, "", getenv)),
	}, &out
}

func checkedClass() register.Register {
	text := func(s string) task.Text { return task.Text{"fr": "fr " + s, "en": s} }
	return register.Register{}.With(
		register.Entry{Seat: 2, Student: "bruno", Results: []check.Result{
			{ID: "one", State: progress.Failed, Points: 2, Seen: text("a <tag> & \x1b[31m"), Hint: text("try"), Answer: "copied"},
			{ID: "two", State: progress.Blocked, Points: 1, Seen: text("opens after: one")}}},
		register.Entry{Seat: 1, Student: "alice", Results: []check.Result{
			{ID: "one", State: progress.Passed, Points: 2, Given: 1.5, Seen: text("seen"), Mark: &progress.Mark{Share: 0.75, Comment: "nearly"}},
			{ID: "two", State: progress.Manual, Points: 1, Seen: text("waits"), Look: text("reasons"), Answer: "because"}}},
	)
}

// TestCheckForms: a class in every form, in the order of its seats; a table speaks the teacher's language.
func TestCheckForms(t *testing.T) {
	a, out := testApp(t, map[string]string{"LANG": "fr_FR.UTF-8"})
	result := classroom.Result("amiens", checkedClass(), a.Language)
	if result.Students[0].Student != "alice" || result.Students[0].Points != 1.5 || result.Students[0].Maximum != 3 || result.Students[0].Tasks[0].Comment != "nearly" || result.Students[0].Tasks[0].Seen != "fr seen" {
		t.Errorf("%+v", result)
	}
	for form, want := range map[string]string{
		"csv": "seat,student,passed,points,waiting for you,next\n1,alice,1/2,1.5/3,two,-\n2,bruno,0/2,0/3,-,one: fr a <tag> & \x1b[31m\n",
		"table": "PLACE  ÉTUDIANT  RÉUSSIES  POINTS  À VOIR PAR VOUS  SUIVANTE\n1      alice     1/2       1.5/3   two              -\n" +
			"2      bruno     0/2       0/3     -                one: fr a <tag> & \uFFFD[31m\n",
	} {
		out.Reset()
		a.flags.output = form
		if err := printCheck(a, result, false); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Errorf("%s: %s", form, diff)
		}
	}
}

// TestJUnit: the report is one that the schema of Jenkins' reader allows, and nothing that a student wrote breaks it.
func TestJUnit(t *testing.T) {
	a, out := testApp(t, nil)
	if err := classroom.JUnit(out, classroom.Result("amiens", checkedClass(), a.Language)); err != nil {
		t.Fatal(err)
	}
	var back struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Suites   []struct {
			Cases []struct {
				Failure *struct {
					Message string `xml:"message,attr"`
					Text    string `xml:",chardata"`
				} `xml:"failure"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(out.Bytes(), &back); err != nil || back.Tests != 4 || back.Failures != 1 || len(back.Suites) != 2 {
		t.Errorf("%v, %+v", err, back)
	}
	if c := back.Suites[1].Cases[0]; c.Failure == nil || c.Failure.Message != "a <tag> & [31m" || c.Failure.Text != "try" {
		t.Errorf("%+v", c)
	}
	if _, err := exec.LookPath("xmllint"); err != nil {
		t.Skip("no xmllint here: the schema is not looked at")
	}
	cmd := exec.Command("xmllint", "--noout", "--schema", "testdata/junit.xsd", "-")
	cmd.Stdin = out
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, text)
	}
}

// TestNameCopies: an answer with another student's token names its owner, though their sandboxes know nothing of each
// other.
func TestNameCopies(t *testing.T) {
	a, _ := testApp(t, nil)
	folder := held(t, a.folder("amiens"))
	if err := errors.Join(folder.KeepSecret(), folder.KeepSeats(roster.Given{"alice": {Seat: 1}, "bruno": {Seat: 2}})); err != nil {
		t.Fatal(err)
	}
	secrets, err := folder.Secrets()
	if err != nil {
		t.Fatal(err)
	}
	class := checkedClass()
	class[1].Results[0].Answer = "The code: " + strings.ToUpper(secrets("token/alice/one"))
	result := classroom.Result("amiens", class, a.Language)
	told, err := classroom.NameCopies(folder.Folder, result, a.Language)
	if err != nil {
		t.Fatal(err)
	}
	if seen := result.Students[1].Tasks[0].Seen; !strings.HasSuffix(seen, "(the answer carries the token of alice)") {
		t.Errorf("%q", seen)
	}
	if said := strings.Join(told, "\n"); said != "bruno, one: the answer carries the token of alice" {
		t.Errorf("%q", said)
	}
	if seen := result.Students[0].Tasks[1].Seen; seen != "waits" {
		t.Errorf("%q", seen)
	}
}

// TestBoardOrder: who is stuck comes first, who is through last.
func TestBoardOrder(t *testing.T) {
	rows := []classroom.BoardRow{
		{Student: "through", Passed: 3, Total: 3, Progress: noon().Add(-time.Hour)},
		{Student: "going", Passed: 1, Total: 3, Progress: noon()},
		{Student: "stuck", Passed: 2, Total: 3, Progress: noon().Add(-30 * time.Minute)},
		{Seat: 2, Student: "absent, too", Passed: 0, Total: 3, Progress: noon().Add(-40 * time.Minute)},
		{Seat: 1, Student: "absent", Passed: 0, Total: 3, Progress: noon().Add(-40 * time.Minute).Add(time.Second)},
	}
	slices.SortStableFunc(rows, classroom.StuckFirst)
	var order []string
	for _, r := range rows {
		order = append(order, r.Student)
	}
	if diff := cmp.Diff([]string{"absent", "absent, too", "stuck", "going", "through"}, order); diff != "" {
		t.Error(diff)
	}
}

// TestTranscript: nothing in what a student typed reaches the teacher's terminal as a command.
func TestTranscript(t *testing.T) {
	d := dialogue.Dialogue{Service: "smtp", Start: noon(), Peer: "127.0.0.1:4", Skipped: 2, Cut: true, Lines: []dialogue.Line{
		{At: noon().Add(2500 * time.Millisecond), From: dialogue.Client, Kind: dialogue.Command, Text: "helo \x1b[2Jpv"},
		{At: noon().Add(2600 * time.Millisecond), From: dialogue.Server, Kind: dialogue.Reply, Text: "250 ok"},
		{At: noon().Add(9 * time.Second), From: dialogue.Client, Kind: dialogue.Data, Bytes: 12},
	}}
	text := classroom.DialoguesText([]dialogue.Dialogue{d}, time.FixedZone("", 3600))
	for _, want := range []string{"SMTP 2026-03-26 13:00:00 from", "     2.5  C: helo �[2Jpv\n", "     2.6  S: 250 ok\n", "     9.0     (12 octets of a message)\n", "(2 reply lines were not kept)", "(the record is not whole)"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
	if strings.Contains(text, "\x1b") {
		t.Error("an escape sequence passes")
	}
}

// held holds an instance's folder until the test ends.
func held(t *testing.T, folder instance.Folder) *instance.Held {
	t.Helper()
	h, err := folder.Lock(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Release)
	return h
}
