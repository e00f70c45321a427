package maild

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"maillab/internal/belongings"
	"maillab/internal/control"
	"maillab/internal/lab/task"
	"maillab/internal/progress"
	"maillab/internal/worksheet"
)

// worked is a daemon whose class has done something: alice passed a task, answered one and got a mark, bruno passed one.
func worked(t *testing.T) *sandboxed {
	t.Helper()
	b := start(t, 3, class)
	if err := b.send("hello", "util1@test", "util3@test"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.grading.Desk().Answer(t.Context(), "alice", "essay", "because"); err != nil {
		t.Fatal(err)
	}
	m := control.Mark{Student: "alice", Task: "essay", By: "prof", Mark: &progress.Mark{Share: 0.5, Comment: "and then?"}}
	if _, err := b.grading.Mark(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	for _, student := range []string{"alice", "bruno"} {
		if got := states(t, b.Daemon, control.CheckRequest{Students: []string{student}})["sent"]; got != progress.Passed {
			t.Fatalf("%s: %s", student, got)
		}
	}
	return b
}

func counts(b *sandboxed) map[string]progress.Count {
	all := map[string]progress.Count{}
	for student, history := range b.grading.Histories(nil) {
		all[student] = history.Current().Count()
	}
	return all
}

func (b *sandboxed) saved(t *testing.T, students ...string) []byte {
	t.Helper()
	var saved bytes.Buffer
	if err := b.lessons.Save(t.Context(), students, &saved); err != nil {
		t.Fatal(err)
	}
	return saved.Bytes()
}

// TestWorkComesBack: what a student had done comes back with a snapshot, in an epoch of its own; that of before the restore
// stays readable.
func TestWorkComesBack(t *testing.T) {
	b := worked(t)
	before, archive := counts(b), b.saved(t)
	if _, err := b.lessons.Reset(t.Context(), control.Reset{Scope: string(belongings.Mail)}); err != nil {
		t.Fatal(err)
	}
	if got := counts(b); got["alice"] != (progress.Count{}) || got["bruno"] != (progress.Count{}) {
		t.Fatalf("after the reset: %v", got)
	}
	if err := b.send("again", "util1@test"); err != nil {
		t.Fatal(err)
	}
	if got := states(t, b.Daemon, alice())["sent"]; got != progress.Passed {
		t.Fatal(got)
	}
	b.restore(t, archive)
	if got := counts(b); got["alice"] != before["alice"] || got["bruno"] != before["bruno"] {
		t.Errorf("%v came back, %v was saved", got, before)
	}
	if got := states(t, b.Daemon, alice()); got["essay"] != progress.Passed || got["sent"] != progress.Passed {
		t.Errorf("checked after the restore: %v", got)
	}
	history := b.grading.Histories([]string{"alice"})["alice"]
	if len(history) != 3 || history[0].Count() != before["alice"] || history[1].Count().Passed != 2 || history.Current().Epoch != 3 || history.Current().Restored.IsZero() {
		t.Errorf("%+v", history)
	}
	if work := history.Current(); work.Attempts["essay"] == nil || work.Marks["essay"].Comment != "and then?" || work.Marks["essay"].By != "prof" {
		t.Errorf("%+v", work)
	}
}

// TestOnesWorkComesBack: on a server that others share one student's work comes back alone, also from everybody's archive.
func TestOnesWorkComesBack(t *testing.T) {
	b := worked(t)
	before := counts(b)
	for name, archive := range map[string][]byte{"her own": b.saved(t, "alice"), "everybody's": b.saved(t)} {
		if _, err := b.lessons.Reset(t.Context(), control.Reset{Scope: string(belongings.Mail), Students: []string{"alice"}}); err != nil {
			t.Fatal(err)
		}
		if got := counts(b); got["alice"] != (progress.Count{}) || got["bruno"] != before["bruno"] {
			t.Fatalf("%s: after the reset: %v", name, got)
		}
		if _, err := b.lessons.Restore(t.Context(), control.Restore{Students: []string{"alice"}, Scope: string(belongings.All)}, bytes.NewReader(archive)); err != nil {
			t.Fatal(err)
		}
		if got := counts(b); got["alice"] != before["alice"] || got["bruno"] != before["bruno"] {
			t.Errorf("%s: %v came back, %v was saved", name, got, before)
		}
	}
}

// TestForgedWork: an archive whose work cannot have been kept here changes nothing.
func TestForgedWork(t *testing.T) {
	b := worked(t)
	before := counts(b)
	for _, share := range []string{`"share":9.5`, `"share":"1"`} {
		archive := bytes.Replace(b.saved(t), []byte(`"share":0.5`), []byte(share), 2)
		if _, err := b.lessons.Restore(t.Context(), control.Restore{Scope: string(belongings.All)}, bytes.NewReader(archive)); err == nil {
			t.Errorf("%s was restored", share)
		}
	}
	if got := counts(b); got["alice"] != before["alice"] || b.epochs.Current().Number != 1 {
		t.Errorf("%v, epoch %d", got, b.epochs.Current().Number)
	}
}

// TestAdopted: what was kept goes on in a sandbox that knows nothing of its students, and takes nothing from one that does.
func TestAdopted(t *testing.T) {
	kept := worked(t).grading.Histories(nil)
	fresh := start(t, 3, class)
	for _, want := range []int{2, 0} { // a second time there is something
		if adopted, err := fresh.grading.Adopt(t.Context(), kept); err != nil || len(adopted) != want {
			t.Errorf("%v, %v", adopted, err)
		}
	}
	if got := counts(fresh)["alice"]; got != kept["alice"].Current().Count() {
		t.Errorf("%v went on", got)
	}
	if got := states(t, fresh.Daemon, alice()); got["essay"] != progress.Passed || got["sent"] != progress.Passed {
		t.Errorf("%v", got)
	}
	again := start(t, 3, class)
	if err := again.newEpoch(); err != nil {
		t.Fatal(err)
	}
	if adopted, err := again.grading.Adopt(t.Context(), kept); err != nil || len(adopted) != 0 {
		t.Errorf("after a reset: %v, %v", adopted, err)
	}
	kept["bruno"][0].Marks = map[string]progress.Mark{"sent": {Share: 7}}
	if _, err := start(t, 3, class).grading.Adopt(t.Context(), kept); err == nil {
		t.Error("what cannot have been kept was taken")
	}
}

// TestMoreTime: who gets more time is judged anew by it; it stays over a reset, and what is not open yet takes no answer.
func TestMoreTime(t *testing.T) {
	tasks := sheets()[:1]
	due := time.Now().Add(-time.Hour)
	tasks[0].Tasks[0].Due, tasks[0].Tasks[0].Late = task.Moment(due.Format(time.RFC3339)), &task.Late{Worth: 0.5}
	tasks[0].Tasks[6].Open = task.Moment(time.Now().Add(time.Hour).Format(time.RFC3339))
	b := start(t, 3, class, func(c *Config) { asks(c, tasks...) })
	if err := b.send("x", "util1@test"); err != nil {
		t.Fatal(err)
	}
	given := func() float64 {
		t.Helper()
		checked, err := b.grading.Check(t.Context(), alice("sent"))
		if err != nil {
			t.Fatal(err)
		}
		return checked[0].Results[0].Given
	}
	if got := given(); got != 1 {
		t.Errorf("late: %v points of 2", got)
	}
	if err := b.grading.Extend(t.Context(), control.Extension{Students: []string{"alice"}, By: 48 * time.Hour}); err != nil {
		t.Fatal(err)
	}
	if got := given(); got != 2 {
		t.Errorf("with more time: %v points of 2", got)
	}
	if err := b.newEpoch(); err != nil {
		t.Fatal(err)
	}
	if got := b.grading.Histories(nil)["alice"].Current().Later("sent"); got != 48*time.Hour {
		t.Errorf("after a reset: %s", got)
	}
	closed := worksheet.Closed{}
	if _, err := b.grading.Desk().Answer(t.Context(), "alice", "essay", "because"); !errors.As(err, &closed) || closed.Until.IsZero() {
		t.Errorf("a task that opens later takes an answer: %v", err)
	}
	for _, e := range []control.Extension{{Students: []string{"nobody"}}, {Tasks: []string{"none"}}} {
		if err := b.grading.Extend(t.Context(), e); err == nil {
			t.Errorf("%+v was taken", e)
		}
	}
}
