package register

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"maillab/internal/check"
	"maillab/internal/progress"
)

func at(minute int) time.Time {
	return time.Date(2026, 3, 26, 12, 0, 0, 0, time.UTC).Add(time.Duration(minute) * time.Minute)
}

// alice passed two tasks in the first epoch, one after three tries, got a mark for the essay, and has passed one since the reset.
func alice() Entry {
	h := progress.History{}.Begin(at(0))
	h[0].Passed["second"], h[0].Passed["first"] = progress.Pass{At: at(30)}, progress.Pass{At: at(10)}
	h[0].Tries["second"] = 3
	h[0].Attempted("second", progress.Attempt{At: at(25), State: progress.Failed})
	h[0].Answers["essay"] = "because"
	h[0].Mark("essay", &progress.Mark{Share: 1}, "anne", at(40))
	h[0].Mark("essay", &progress.Mark{Share: 0.5, Comment: "and then?"}, "bob", at(50))
	h = h.Begin(at(60))
	h[1].Passed["second"] = progress.Pass{At: at(61)}
	return Entry{Seat: 2, Student: "alice", AsOf: at(70), History: h, Results: []check.Result{
		{ID: "first", Points: 1, State: progress.Failed}, {ID: "second", Points: 2, Given: 2, State: progress.Passed}, {ID: "essay", Points: 3, State: progress.Manual}}}
}

// TestEarlierEpochs: how tasks stood is told by the number of an epoch and by a time in it, with the points that they gave.
func TestEarlierEpochs(t *testing.T) {
	for name, test := range map[string]struct {
		when  When
		given float64
		was   bool
	}{
		"now": {When{}, 2, true}, "by its number": {When{Epoch: 2}, 2, true}, "the first": {When{Epoch: 1}, 4.5, true}, "in the first": {When{Time: at(59)}, 4.5, true},
		"before": {When{Time: at(-1)}, 0, false}, "not yet": {When{Epoch: 3}, 0, false},
	} {
		e, was := alice().In(test.when)
		if _, given, most := check.Progress(e.Results); was != test.was || was && (given != test.given || most != 6) {
			t.Errorf("%s: %v, %v/%d", name, was, given, most)
		}
	}
	if some := (Register{}).With(alice(), Entry{Seat: 1, Student: "bruno", History: progress.History{}.Begin(at(0))}).In(When{Epoch: 2}); len(some) != 1 || some[0].Student != "alice" {
		t.Errorf("%+v", some)
	}
}

// TestChapters: each task tells when it passed, how long it took since the one before it or the first try, and what was said.
func TestChapters(t *testing.T) {
	var got []string
	for _, c := range alice().Chapters() {
		for _, s := range c.Tasks {
			line := fmt.Sprintf("%d %s %s %s tries %d words %d", c.Epoch, s.Task, s.State, s.Took, s.Tries, len(s.Said))
			if s.Mark != nil {
				line += " " + s.Mark.String()
			}
			got = append(got, line)
		}
	}
	want := []string{"1 first passed 10m0s tries 0 words 0", "1 second passed 5m0s tries 3 words 0", "1 essay passed 0s tries 0 words 2 0.5", "2 second passed 1m0s tries 0 words 0"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if c := alice().Chapters(); c[0].Passed != 3 || !c[0].End.Equal(at(60)) || !c[1].End.IsZero() {
		t.Errorf("%+v", c)
	}
}

// TestChaptersInTheLabsOrder: what has not passed is told as the lab has it, q2 before q10.
func TestChaptersInTheLabsOrder(t *testing.T) {
	h := progress.History{}.Begin(at(0))
	h[0].Tries["q10"], h[0].Tries["q2"], h[0].Tries["gone"] = 1, 1, 1
	var got []string
	for _, s := range (Entry{History: h, Results: []check.Result{{ID: "q2"}, {ID: "q10"}}}).Chapters()[0].Tasks {
		got = append(got, s.Task)
	}
	if diff := cmp.Diff([]string{"q2", "q10", "gone"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestRegister: a newer entry takes an older one's place, seats are in order, and what is kept comes back.
func TestRegister(t *testing.T) {
	old := Entry{Seat: 2, Student: "alice", AsOf: at(1)}
	r := Register{}.With(old, Entry{Seat: 3, Student: "carol", AsOf: at(90)}).With(Entry{Seat: 1, Student: "bruno", AsOf: at(80)}, alice())
	if diff := cmp.Diff([]string{"bruno", "alice", "carol"}, r.Students()); diff != "" {
		t.Error(diff)
	}
	if e, known := r.Of("alice"); !known || !e.AsOf.Equal(at(70)) || !r.AsOf().Equal(at(70)) {
		t.Errorf("%+v", e)
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back Register
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r[1], back[1], cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	if some := r.Without("alice").Some([]string{"alice", "carol"}); len(some) != 1 || len(r) != 3 {
		t.Errorf("%+v", some)
	}
	if one := r.Tasks([]string{"essay"}); len(one[1].Results) != 1 || len(r[1].Results) != 3 || len(r.Tasks(nil)[1].Results) != 3 {
		t.Errorf("%+v", one)
	}
}

// TestChaptersTellWhatIsLate: by how much a task passed after it was due, in an earlier epoch as in this one, and that an epoch
// was there in which nothing was done.
func TestChaptersTellWhatIsLate(t *testing.T) {
	h := progress.History{}.Begin(at(0))
	h[0].Passed["it"] = progress.Pass{At: at(50)}
	h = h.Begin(at(60)).Begin(at(70))
	h[1].Passed["it"], h[1].Passed["other"] = progress.Pass{At: at(80)}, progress.Pass{At: at(90)}
	h[1].Extra[""] = time.Hour // and the results have it in them
	var got []string
	for _, c := range (Entry{History: h, Results: []check.Result{{ID: "it", Due: at(45)}, {ID: "other"}}}).Chapters() {
		got = append(got, fmt.Sprintf("%d:", c.Epoch))
		for _, s := range c.Tasks {
			got = append(got, fmt.Sprintf("%s %d", s.Task, s.Late))
		}
	}
	if diff := cmp.Diff([]string{"1:", "it 300", "2:", "3:", "it 2100", "other 0"}, got); diff != "" {
		t.Error(diff)
	}
}
