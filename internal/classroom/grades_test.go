package classroom

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/check"
	"maillab/internal/gradebook"
	"maillab/internal/instance"
	"maillab/internal/lab/task"
	"maillab/internal/progress"
	"maillab/internal/register"
	"maillab/internal/roster"
)

func listed(t *testing.T, csv string) roster.Class {
	t.Helper()
	class, _, err := roster.Read("m1.csv", strings.NewReader(csv), roster.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return class
}

// TestBook: who a student is comes from the class list, who did anything from what is known of the work; a task that one
// student lacks is another's all the same.
func TestBook(t *testing.T) {
	class := listed(t, "key;name;number;email\nalice;Alice A;7;a@univ.fr\nbruno;Bruno B;8;\n")
	one := task.Text{"fr": "Un", "en": "One"}
	answered, came := progress.Work{Answers: map[string]string{"one": "wrong"}}, progress.Work{Came: time.Unix(1, 0)}
	entries := register.Register{
		{Seat: 1, Student: "alice", History: progress.History{answered}, Results: []check.Result{{ID: "one", Title: one, State: progress.Passed, Points: 2, Given: 1.5, Mark: &progress.Mark{Share: 0.75, Comment: "nearly"}}, {ID: "two", State: progress.Manual, Points: 1, Answer: "because"}}},
		{Seat: 2, Student: "bruno", Results: []check.Result{{ID: "one", State: progress.Failed, Points: 2}, {ID: "three", State: progress.Failed, Points: 4}}},
		{Seat: 3, Student: "ghost", History: progress.History{came}, Results: []check.Result{{ID: "one", State: progress.Failed, Points: 2}}},
	}
	lab := instance.Sheet{Title: map[string]string{"fr": "Courrier", "en": "Mail"}, Sandboxes: []instance.SheetSandbox{{Lang: "fr"}}}
	b := Book("monday", "en", lab, entries, class)
	if b.Title != "Mail" || b.Lang != "fr" || Book("monday", "en", instance.Sheet{}, nil, class).Title != "monday" {
		t.Errorf("%q, %q", b.Title, b.Lang)
	}
	if diff := cmp.Diff([]gradebook.Task{{ID: "one", Points: 2, Titles: one}, {ID: "two", Points: 1}, {ID: "three", Points: 4}}, b.Tasks); diff != "" {
		t.Error(diff)
	}
	var students []string
	for _, s := range b.Students {
		students = append(students, strings.Join([]string{s.Name, s.Number, s.Email}, " "))
	}
	if diff := cmp.Diff([]string{"Alice A 7 a@univ.fr", "Bruno B 8 ", "ghost  "}, students); diff != "" {
		t.Error(diff)
	}
	if b.Points(b.Students[0]) != 1.5 || b.Students[0].Marks["one"].Comment != "nearly" || !b.Students[0].Did || b.Students[1].Did || !b.Students[2].Did {
		t.Errorf("%+v", b.Students)
	}
	if told := strings.Join(b.Told(), "\n"); told != "did nothing: Bruno B\ncounted as 0 until you mark them: Alice A (two)" {
		t.Error(told)
	}
}

// TestThirds: a grade is rounded once.
func TestThirds(t *testing.T) {
	third := progress.Mark{Share: 1. / 3}
	b := Book("monday", "en", instance.Sheet{}, register.Register{{Student: "alice", History: progress.History{{Came: time.Unix(1, 0)}},
		Results: []check.Result{{ID: "one", Points: 2, Given: third.Points(2), Mark: &third}, {ID: "two", Points: 1}}}}, roster.Class{})
	_, rows := b.Table(nil, gradebook.Scale{OutOf: 20}).Short()
	if got := strings.Join(rows[0], " "); got != "0 alice 4.44 0.67" {
		t.Error(got)
	}
}

// TestAbsent: a gradebook that lacks somebody says so.
func TestAbsent(t *testing.T) {
	class := listed(t, "key;name\nalice;Alice A\nbruno;Bruno B\n")
	b := Book("monday", "en", instance.Sheet{}, register.Register{{Student: "alice", History: progress.History{{Came: time.Unix(1, 0)}}}}, class)
	b.Absent = Absent(register.Register{{Student: "alice"}}, class)
	if told := strings.Join(b.Told(), "\n"); told != "left out, since nothing is known of them: Bruno B" {
		t.Error(told)
	}
}

func TestColumns(t *testing.T) {
	class := listed(t, "name;number;email;Groupe\nAlice;7;;TP1\n")
	for typed, want := range map[string]string{"": "number", "Groupe": "groupe", "groupe,number": "groupe number"} {
		var names []string
		if typed != "" {
			names = strings.Split(typed, ",")
		}
		if got, err := Columns(class, names); strings.Join(got, " ") != want || err != nil {
			t.Errorf("%q: %q, %v", typed, got, err)
		}
	}
	if _, err := Columns(class, []string{"mobile"}); err == nil || !strings.Contains(err.Error(), "group") {
		t.Errorf("a column that there is not: %v", err)
	}
}

// TestTables: what waits, what comes next, and the maximum, in a row a student and a row a task.
func TestTables(t *testing.T) {
	result := Result("amiens", register.Register{{Seat: 1, Student: "alice", Results: []check.Result{
		{ID: "one", State: progress.Passed, Points: 2, Given: 1.5, Mark: &progress.Mark{Share: 0.75, Comment: "nearly"}, Seen: task.Text{"en": "decided"}},
		{ID: "two", State: progress.Manual, Points: 1, Answer: "because", Seen: task.Text{"en": "waits"}, Look: task.Text{"en": "reasons"}},
		{ID: "three", State: progress.Failed, Points: 1, Seen: task.Text{"en": "nothing of it"}},
		{ID: "four", State: progress.Manual, Points: 1, Answer: "so", Seen: task.Text{"en": "waits"}}, // nothing is said of what to look for
	}}}, "en")
	_, class := result.Table(10)
	if diff := cmp.Diff([][]string{{"1", "alice", "1/4", "1.5/5", "two four", "three: nothing o…"}}, class); diff != "" {
		t.Error(diff)
	}
	_, tasks := result.Students[0].Table(100)
	want := [][]string{{"one", "passed (marked)", "1.5/2", "decided; “nearly”"}, {"two", "manual", "0/1", "“because”; waits; reasons"}, {"three", "failed", "0/1", "nothing of it"}, {"four", "manual", "0/1", "“so”; waits"}}
	if diff := cmp.Diff(want, tasks); diff != "" {
		t.Error(diff)
	}
}

// TestHomonymsInABook: who has a name that another has, too, is called by it and the number, also who has left the class.
func TestHomonymsInABook(t *testing.T) {
	class := roster.Class{Students: []roster.Student{{Key: "Martin Léa 1", Name: "Martin Léa", Number: "1"}, {Key: "Martin Léa 2", Name: "Martin Léa", Number: "2"}, {Key: "Zoé", Name: "Zoé"}}}
	b := Book("monday", "en", instance.Sheet{}, register.Register{{Seat: 1, Student: "Martin Léa 1"}, {Seat: 4, Student: "gone"}}, class)
	if b.Students[0].Called != "Martin Léa (1)" || b.Students[1].Called != "gone" {
		t.Errorf("%+v", b.Students)
	}
	if diff := cmp.Diff([]string{"Martin Léa (2)", "Zoé"}, Absent(register.Register{{Student: "Martin Léa 1"}}, class)); diff != "" {
		t.Error(diff)
	}
}
