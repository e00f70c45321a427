package classroom

import (
	"encoding/xml"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/control"
	"maillab/internal/dialogue"
	"maillab/internal/instance"
	"maillab/internal/progress"
	"maillab/internal/recording"
	"maillab/internal/register"
	"maillab/internal/roster"
	"maillab/internal/say"
	"maillab/internal/snapshot"
)

// morning is when lessons of these tests begin.
var morning = time.Date(2026, 3, 26, 8, 0, 0, 0, time.UTC)

// TestJUnit: a suite a student, a case a task, counted as servers count them; what XML cannot write is left out.
func TestJUnit(t *testing.T) {
	result := Checked{Instance: "monday", Students: []CheckedStudent{
		{Student: "alice", Tasks: []CheckedTask{
			{ID: "helo", State: progress.Passed, Seen: "HELO\x07 & more"},
			{ID: "mail", State: progress.Failed, Seen: "no <mail>", Hint: "MAIL FROM"},
		}},
		{Student: "bob", Tasks: []CheckedTask{{ID: "essay", State: progress.Manual, Seen: "42"}, {ID: "last", State: progress.Blocked}}},
	}}
	var out strings.Builder
	if err := JUnit(&out, result); err != nil {
		t.Fatal(err)
	}
	var got junitReport
	if err := xml.Unmarshal([]byte(out.String()), &got); err != nil {
		t.Fatalf("%v in\n%s", err, out.String())
	}
	want := junitReport{XMLName: xml.Name{Local: "testsuites"}, Name: "monday", Tests: 4, Failures: 1, Suites: []junitSuite{
		{Name: "alice", Tests: 2, Failures: 1, Cases: []junitCase{
			{Class: "monday.alice", Name: "helo", Output: "HELO & more"},
			{Class: "monday.alice", Name: "mail", Failure: &junitMessage{"no <mail>", "MAIL FROM"}},
		}},
		{Name: "bob", Tests: 2, Skipped: 2, Cases: []junitCase{
			{Class: "monday.bob", Name: "essay", Skipped: &junitMessage{Message: "manual: 42"}},
			{Class: "monday.bob", Name: "last", Skipped: &junitMessage{Message: "blocked: "}},
		}},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestRecordings: they are numbered as they are asked for; the last one is meant where none is named.
func TestRecordings(t *testing.T) {
	paris := time.FixedZone("", 3600)
	all := []recording.Kept{
		{ID: "a1", Start: morning, Last: morning.Add(90*time.Second + 400*time.Millisecond), Octets: 12, Title: "shell"},
		{ID: "b2", Start: morning.Add(time.Hour), Last: morning.Add(time.Hour), Octets: 3},
	}
	_, rows := RecordingTable(all, paris)
	want := []string{"1 | 2026-03-26 09:00:00 | 1m30s | 12 | shell", "2 | 2026-03-26 10:00:00 | 0s | 3 | "}
	if diff := cmp.Diff(want, lines(nil, rows)); diff != "" {
		t.Error(diff)
	}
	for typed, want := range map[string]string{"": "b2", "1": "a1", "2": "b2", "a1": "a1", "0": "", "3": "", "a": ""} {
		got, err := ChosenRecording(all, "alice", typed)
		if got.ID != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v; want %q", typed, got.ID, err, want)
		}
	}
	if _, err := ChosenRecording(nil, "alice", ""); err == nil || !strings.Contains(err.Error(), "no terminal of alice") {
		t.Error(err)
	}
}

// TestWaiting: what waits for the teacher lies task by task, in the order of seats, with people's names.
func TestWaiting(t *testing.T) {
	result := Checked{Students: []CheckedStudent{
		{Seat: 2, Student: "alice", Tasks: []CheckedTask{{ID: "one", State: progress.Manual, Answer: "a1"}, {ID: "two", State: progress.Manual, Answer: "a2", CopiedFrom: "bob"}}},
		{Seat: 1, Student: "bob", Tasks: []CheckedTask{{ID: "one", State: progress.Passed}, {ID: "two", State: progress.Manual, Answer: "b2"}}},
	}}
	var got []string
	for _, a := range Waiting(result, instance.People{{Key: "alice", Name: "Alice A."}}) {
		got = append(got, strings.Join([]string{a.Task, a.Name, a.Text, a.Copied}, " | "))
	}
	if diff := cmp.Diff([]string{"one | Alice A. | a1 | ", "two | bob | b2 | ", "two | Alice A. | a2 | bob"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestDifferences(t *testing.T) {
	d := Differences{
		Changes: []Difference{{3, "eve", snapshot.Change{Kind: "lost", Message: snapshot.Message{Account: "u", Box: "INBOX", Subject: "Hi"}}}},
		Tasks:   []snapshot.Turn{{Student: "eve", Task: "helo", After: progress.Passed}, {Student: "eve", Task: "mail", Before: progress.Passed, After: progress.Failed}},
	}
	if diff := cmp.Diff([]string{"3 | eve | u | INBOX | lost | - | Hi"}, lines(d.Messages())); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"eve | helo | - | passed", "eve | mail | passed | failed"}, lines(d.Turns())); diff != "" {
		t.Error(diff)
	}
}

// TestHistoryTable: a row a task and epoch, also one in which nothing was done; how late it was; the teacher's words in their order, those that were taken back among them.
func TestHistoryTable(t *testing.T) {
	h := History{Students: []HistoryStudent{{Seat: 1, Student: "bob", Epochs: []register.Chapter{
		{Epoch: 1, Tasks: []register.Story{{Task: "helo", State: progress.Passed, At: morning, Took: 90 * time.Minute, Late: 86400, Tries: 2}}},
		{Epoch: 2},
		{Epoch: 3, Tasks: []register.Story{{Task: "essay", Said: []progress.Said{
			{By: "prof", Mark: &progress.Mark{Share: 0.5}}, {}, {Mark: &progress.Mark{Share: 1}},
		}}}},
		{Epoch: 4, Start: morning.Add(time.Hour), Tasks: []register.Story{{Task: "helo", State: progress.Passed, At: morning, Tries: 2}}}, // restored
	}}}}
	want := []string{
		"1 | bob | 1 | helo | passed | 2026-03-26 08:00:00 | 1h30m | 1d | 2 | -",
		"1 | bob | 2 | - | nothing was done | - | - | - | - | -",
		"1 | bob | 3 | essay | - | - | - | - | - | 0.5 (prof), taken back, passed",
		"1 | bob | 4 | helo | passed | 2026-03-26 08:00:00 | - | - | 2 | -",
	}
	if diff := cmp.Diff(want, lines(h.Table(time.UTC))); diff != "" {
		t.Error(diff)
	}
}

// TestStuckFirst: who is through comes last, before that who has not got on for longest; within a minute the order is that of
// how much was passed, then of seats.
func TestStuckFirst(t *testing.T) {
	rows := []BoardRow{
		{Student: "through", Seat: 1, Passed: 3, Total: 3, Progress: morning},
		{Student: "quick", Seat: 2, Passed: 2, Total: 3, Progress: morning.Add(time.Hour)},
		{Student: "more", Seat: 3, Passed: 1, Total: 3, Progress: morning.Add(10 * time.Second)},
		{Student: "later seat", Seat: 5, Total: 3, Progress: morning.Add(40 * time.Second)},
		{Student: "seat", Seat: 4, Total: 3, Progress: morning.Add(50 * time.Second)},
	}
	slices.SortStableFunc(rows, StuckFirst)
	var got []string
	for _, r := range rows {
		got = append(got, r.Student)
	}
	if diff := cmp.Diff([]string{"seat", "later seat", "more", "quick", "through"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestTranscript: who spoke, when, and what cannot be shown; nothing in it acts upon a terminal.
func TestTranscript(t *testing.T) {
	at := func(s float64) time.Time { return morning.Add(time.Duration(s * float64(time.Second))) }
	d := dialogue.Dialogue{Service: "smtp", Peer: "10.0.0.7:4000", Accounts: []string{"util1", "util2"}, Start: morning, Skipped: 3, Cut: true, Lines: []dialogue.Line{
		{At: at(0), Kind: dialogue.Begin}, {At: at(0.2), Kind: dialogue.Reply, Text: "220 hi"}, {At: at(61.04), Kind: dialogue.Data, Bytes: 512},
		{At: at(62), Kind: dialogue.Login, Text: "util1"}, {At: at(63), Kind: dialogue.Reply, Text: "\x1b[2J"}, {At: at(64), Kind: dialogue.End},
	}}
	var out strings.Builder
	WriteDialogue(&out, say.In("en"), d, time.FixedZone("", 7200))
	want := `SMTP 2026-03-26 10:00:00 from 10.0.0.7:4000 as util1, util2, by a program: no command was typed
     0.0     (connected)
     0.2  S: 220 hi
    61.0     (512 octets of a message)
    62.0     (logged in: util1)
    63.0  S: ` + "\ufffd" + `[2J
    64.0     (ended)
          (3 reply lines were not kept)
          (the record is not whole)

`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
	if got := LineText(say.In("fr"), dialogue.Line{Kind: dialogue.Command, Text: "QUIT\tx"}); got != "C: QUIT\ufffdx" {
		t.Errorf("%q", got)
	}
}

// TestTranscriptInFrench: every reason is said, also where it names a command with a colon in it.
func TestTranscriptInFrench(t *testing.T) {
	d := dialogue.Dialogue{Service: "smtp", Peer: "10.0.0.7:4000", Start: morning}
	for n, command := range []string{"mail from: a@b", "rcpt to: a@b", "quit"} {
		at := morning.Add(time.Duration(n) * time.Millisecond)
		d.Lines = append(d.Lines, dialogue.Line{At: at, Kind: dialogue.Reply, Text: "250 ok"}, dialogue.Line{At: at, Kind: dialogue.Command, Text: command})
	}
	_, why := dialogue.ByHand(d)
	var out strings.Builder
	WriteDialogue(&out, say.In("fr"), d, time.UTC)
	first, _, _ := strings.Cut(out.String(), "\n")
	if len(why) == 0 || !strings.Contains(strings.Join(why, "; "), "from: a@b") {
		t.Fatalf("the reasons name no command with a colon: %q", why)
	}
	if !strings.Contains(first, "par un programme : ") || strings.Contains(first, "came") || strings.Contains(first, "lines") {
		t.Errorf("%q", first)
	}
}

// TestFillable: a word in braces that nothing fills in is refused once, with what there is; what is no word is the text's own.
func TestFillable(t *testing.T) {
	class := roster.Class{Students: []roster.Student{{Key: "alice", Fields: map[string]string{"group": "B"}}}}
	for text, want := range map[string]string{
		"{student} {account} {seat} {group} {GROUP}": "",
		"{ not a word } {} {1}":                      "",
		"{{group}":                                   "",
		"{grup} {grup}":                              "letter.txt: nothing fills in {grup}: there are student, account, seat and the columns of the class list (group); {{grup} is the word itself",
	} {
		letter, err := ReadLetter([]byte("Subject: x\n\n"+text+"\n"), "", "")
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := Fillable("letter.txt", letter, class); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	account := control.Account{Name: "util1", Student: "alice"}
	if got := merged("{seat} {student} {account} {Group} {other} {{seat}", class, account, 7); got != "7 alice util1 B {other} {seat}" {
		t.Error(got)
	}
	account.Student = "nobody"
	if got := merged("[{group}]", class, account, 7); got != "[]" { // a row may be short
		t.Error(got)
	}
}

func TestSenderOf(t *testing.T) {
	for raw, want := range map[string]string{
		"From: Prof <prof@example.org>\n\nx": "prof@example.org", "From: a@b, c@d\n\nx": "", "Subject: x\n\nFrom: a@b\n": "", "no message": "",
	} {
		if got := senderOf([]byte(raw)); got != want {
			t.Errorf("%q: %q, want %q", raw, got, want)
		}
	}
}

// TestReached: on a shared server all of its students, or none, were reached.
func TestReached(t *testing.T) {
	i, people := shared()
	chosen, err := i.Choose(people, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := Reached(chosen, nil); got != 2 {
		t.Error(got)
	}
	if got := Reached(chosen, map[int]error{0: errors.New("away")}); got != 0 {
		t.Error(got)
	}
}

// TestPick: an archive goes to its student, wherever that sits now; to a seat only what is nobody's.
func TestPick(t *testing.T) {
	archives := map[int]snapshot.Manifest{0: {Students: []string{"x", "y"}}, 1: {Students: []string{"alice"}}, 2: {Students: []string{"bob"}}, 3: {}}
	for _, c := range []struct {
		name string
		s    instance.Sandbox
		want int // -1: none
	}{
		{"at another seat", instance.Sandbox{Seat: 9, Students: []string{"bob"}}, 2},
		{"at the own one", instance.Sandbox{Seat: 1, Students: []string{"alice"}}, 1},
		{"at somebody else's", instance.Sandbox{Seat: 1, Students: []string{"carol"}}, -1},
		{"at nobody's", instance.Sandbox{Seat: 3, Students: []string{"carol"}}, 3},
		{"shared", instance.Sandbox{Seat: 0, Students: []string{"alice", "bob"}}, 0},
		{"where there is none", instance.Sandbox{Seat: 4, Students: []string{"dan"}}, -1},
	} {
		got, ok := pick(archives, c.s)
		if !ok {
			got = -1
		}
		if got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}
