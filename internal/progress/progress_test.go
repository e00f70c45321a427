package progress

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"maillab/internal/lab/task"
)

func noon() time.Time { return time.Date(2026, 3, 26, 12, 0, 0, 0, time.UTC) }

// TestVerdict: the teacher's word comes before a pass, and a pass before how a task was found last.
func TestVerdict(t *testing.T) {
	w := Begin(1, noon())
	w.Passed["passed"], w.Passed["overruled"] = Pass{At: noon()}, Pass{At: noon()}
	w.States["passed"], w.States["failed"], w.States["overruled"] = Failed, Failed, Passed
	w.Marks["overruled"], w.Marks["half"], w.Marks["little"] = Mark{}, Mark{Share: 0.5}, Mark{Share: 0.49}
	for id, want := range map[string]State{"passed": Passed, "failed": Failed, "overruled": Failed, "half": Passed, "little": Failed, "new": ""} {
		if got := w.Verdict(id); got != want {
			t.Errorf("%s: %q, want %q", id, got, want)
		}
	}
}

// TestBounds: what students and teachers make much of stays bounded; of attempts the first is among those that stay.
func TestBounds(t *testing.T) {
	w := Begin(1, noon())
	for n := range 10 * maxAttempts {
		w.Tried("it")
		w.Attempted("it", Attempt{At: noon().Add(time.Duration(n) * time.Second), State: Failed, Answer: fmt.Sprint(n, strings.Repeat("é", maxTried))})
	}
	list := w.Attempts["it"]
	if len(list) != maxAttempts || !strings.HasPrefix(list[0].Answer, "0") || !strings.HasPrefix(list[maxAttempts-1].Answer, "299") || w.Tries["it"] != 10*maxAttempts {
		t.Errorf("%d attempts of %d, from %.4s to %.4s", len(list), w.Tries["it"], list[0].Answer, list[len(list)-1].Answer)
	}
	if got := list[0].Answer; len(got) > maxTried || strings.Contains(got, "\ufffd") || len(got) < maxTried-1 {
		t.Errorf("an answer of %d octets: …%q", len(got), got[len(got)-3:])
	}
	w.Passed["it"] = Pass{At: noon()}
	if w.Tried("it"); w.Tries["it"] != 10*maxAttempts {
		t.Error("a task that has passed is tried no more")
	}
	for range 2 * maxSaid {
		w.Mark("it", &Mark{Share: 1}, "prof", noon())
	}
	if len(w.Said) != maxSaid {
		t.Errorf("%d words", len(w.Said))
	}
	h := History{}
	for range 3 * maxEpochs {
		h = h.Begin(noon())
		h[len(h)-1].Answers["it"] = "x"
	}
	if len(h) != maxEpochs || h.Current().Epoch != 3*maxEpochs {
		t.Errorf("%d epochs, the last is %d", len(h), h.Current().Epoch)
	}
}

// TestMarks: a word takes the place of the one before, which is told and remembered; a word that is taken back, too.
func TestMarks(t *testing.T) {
	w := Begin(1, noon())
	if before := w.Mark("it", &Mark{Share: 0.6, Comment: "nearly", By: "forged"}, "anne", noon()); before != nil {
		t.Errorf("%+v", before)
	}
	want := Mark{Share: 0.6, Comment: "nearly", By: "anne", At: noon()}
	if diff := cmp.Diff(&want, w.Mark("it", &Mark{Share: 1}, "bob", noon().Add(time.Hour))); diff != "" {
		t.Error(diff)
	}
	if before := w.Mark("it", nil, "anne", noon().Add(2*time.Hour)); before == nil || before.By != "bob" || len(w.Marks) != 0 {
		t.Errorf("%+v, %v", before, w.Marks)
	}
	var told []string
	for _, s := range w.Said {
		word := "taken back"
		if s.Mark != nil {
			word = s.Mark.String()
		}
		told = append(told, s.At.Format("15:04 ")+s.By+" "+s.Task+" "+word)
	}
	if diff := cmp.Diff([]string{"12:00 anne it 0.6", "13:00 bob it passed", "14:00 anne it taken back"}, told); diff != "" {
		t.Error(diff)
	}
	if w.Empty() {
		t.Error("what was said is nothing")
	}
}

// TestMarkAsTyped: a mark is told as it is typed, and gives its share of the points.
func TestMarkAsTyped(t *testing.T) {
	for _, test := range []struct {
		share  float64
		of     int
		word   string
		points float64
	}{{1, 3, "passed", 3}, {0, 3, "failed", 0}, {0.5, 3, "0.5", 1.5}, {1.0 / 3, 2, "0.333", 0.667}, {1.0 / 3, 3, "0.333", 1}} {
		if m := (Mark{Share: test.share}); m.String() != test.word || m.Points(test.of) != test.points {
			t.Errorf("%v of %d: %s, %v", test.share, test.of, m, m.Points(test.of))
		}
	}
}

// TestNoMark: what is no mark is refused with a reason.
func TestNoMark(t *testing.T) {
	for want, m := range map[string]Mark{
		"-0.1 is no share": {Share: -0.1}, "1.1 is no share": {Share: 1.1}, "NaN is no share": {Share: math.NaN()},
		"too long": {Comment: strings.Repeat("x", MaxComment+1)}, "control characters": {Comment: "a\x1b[2J"}, "not text": {Comment: "\xff"},
	} {
		if err := CheckWord(&m, "prof"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+.20v: %v, want %s", m, err, want)
		}
	}
	if err := CheckWord(&Mark{Share: 0.6, Comment: "très bien\n\tsauf la fin"}, "prof"); err != nil {
		t.Error(err)
	}
	for _, by := range []string{strings.Repeat("x", maxBy+1), "a\x00"} {
		if CheckWord(nil, by) == nil {
			t.Errorf("%.4q is a name", by)
		}
	}
}

// TestHistory: epochs follow each other; one in which nothing was done leaves its number only, and is found all the same.
func TestHistory(t *testing.T) {
	at := func(hour int) time.Time { return noon().Add(time.Duration(hour) * time.Hour) }
	h := History{}.Begin(at(0))
	h[0].Passed["it"] = Pass{At: at(0), Seen: task.Text{"en": "seen"}}
	h = h.Begin(at(1)).Begin(at(2))
	if h.Current().Epoch != 3 || len(h) != 2 || !h[0].End.Equal(at(1)) || !h.Current().Empty() {
		t.Errorf("%+v", h)
	}
	if w, was := h.Of(1); !was || w.Passed["it"].Seen["en"] != "seen" {
		t.Errorf("%+v, %v", w, was)
	}
	for epoch, want := range map[int]bool{-1: false, 0: false, 2: true, 3: true, 4: false} {
		if w, was := h.Of(epoch); was != want || !w.Empty() {
			t.Errorf("%d: %+v, %v", epoch, w, was)
		}
	}
	for hour, want := range map[int]int{-1: 0, 0: 1, 1: 2, 2: 3, 9: 3} {
		w, was := h.At(at(hour))
		if was != (want > 0) || was && w.Epoch != want {
			t.Errorf("at %d: %+v, %v", hour, w, was)
		}
	}
}

// TestWhole: an epoch in which nothing was done is one all the same, between those that are kept; what was cut off is not made up.
func TestWhole(t *testing.T) {
	at := func(hour int) time.Time { return noon().Add(time.Duration(hour) * time.Hour) }
	numbers := func(h History) (all []int) {
		for _, w := range h.Whole() {
			all = append(all, w.Epoch)
		}
		return all
	}
	idle := History{}.Begin(at(0)).Begin(at(1)).Begin(at(2))
	if diff := cmp.Diff([]int{1, 2, 3}, numbers(idle)); diff != "" {
		t.Error(diff)
	}
	h := History{}.Begin(at(0))
	h[0].Answers["it"] = "x"
	h = h.Begin(at(1)).Begin(at(2))
	if w := h.Whole(); len(w) != 3 || w[1].Epoch != 2 || !w[1].Empty() || !w[1].Start.Equal(at(1)) || !w[1].End.Equal(at(2)) || !w[2].End.IsZero() {
		t.Errorf("%+v", w)
	}
	for range maxEpochs {
		h[len(h)-1].Answers["it"] = "x"
		h = h.Begin(at(3))
	}
	if all := numbers(h); len(all) != maxEpochs || all[0] != h[0].Epoch {
		t.Errorf("%d are kept: %v", maxEpochs, all)
	}
	if len(History(nil).Whole()) != 0 {
		t.Error("of whom nothing is known there are no epochs")
	}
}

// TestWorkIsKept: work comes back from JSON as it was, and a clone shares nothing with it.
func TestWorkIsKept(t *testing.T) {
	w := Begin(2, noon())
	w.Passed["it"], w.Answers["it"], w.States["it"] = Pass{At: noon(), Seen: task.Text{"fr": "vu"}}, "4b", Passed
	w.Tried("other")
	w.Attempted("other", Attempt{At: noon(), State: Failed})
	w.Mark("it", &Mark{Share: 0.6}, "prof", noon())
	text, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	var back Work
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(w, back, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	copied := w.Clone()
	copied.Attempts["other"][0].State, copied.Said[0].By, copied.Answers["it"] = Passed, "?", "?"
	if diff := cmp.Diff(w, back, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}

func TestNext(t *testing.T) {
	for states, want := range map[string]int{
		"FFF": 0, "PFF": 1, "FPF": 2, "PFPFF": 3, "FPP": 0, "PPP": -1, "": -1, "PBF": 2, "PFB": 1, "FPBM": 0, "PMF": 2, "BBM": -1,
	} {
		var all []State
		for _, s := range states {
			all = append(all, map[rune]State{'F': Failed, 'P': Passed, 'B': Blocked, 'M': Manual}[s])
		}
		if got := Next(all); got != want {
			t.Errorf("%s: %d, want %d", states, got, want)
		}
	}
}

// TestResume: what goes on from a copy is the copy's work in the epoch that is under way; what passed since that epoch began
// stays. Earlier epochs are those that there are here, and the copy's where there are none.
func TestResume(t *testing.T) {
	saved := History{}.Begin(noon())
	saved[0].Passed["old"] = Pass{At: noon()}
	saved = saved.Begin(noon().Add(time.Hour))
	saved[1].Passed["copied"], saved[1].Marks["essay"] = Pass{At: noon().Add(time.Hour)}, Mark{Share: 0.5, Comment: "nearly"}
	taken, now := noon().Add(2*time.Hour), noon().Add(24*time.Hour)

	here := History{}.Begin(noon())
	here[0].Answers["lost"] = "x"
	here = here.Begin(noon().Add(time.Hour)).Begin(now)
	here[1].Passed["just now"], here[1].Since = Pass{At: now}, now
	got := here.Resume(saved, taken)
	w := got.Current()
	if len(got) != 2 || w.Epoch != 3 || !w.Start.Equal(now) || !w.Since.Equal(now) || !w.Restored.Equal(taken) || got[0].Answers["lost"] != "x" {
		t.Errorf("%+v", got)
	}
	if diff := cmp.Diff(Count{Passed: 3, Marks: 1}, w.Count()); diff != "" {
		t.Error(diff)
	}
	if len(saved[1].Passed) != 1 {
		t.Error("the copy was changed")
	}
	got = History{}.Begin(now).Resume(saved, taken)
	if len(got) != 2 || got[0].Epoch != 1 || got.Current().Epoch != 2 || got[0].Passed["old"].At.IsZero() {
		t.Errorf("where nothing was: %+v", got)
	}
	if diff := cmp.Diff([]string{"copied", "essay"}, got.Current().Tasks()); diff != "" {
		t.Error(diff)
	}
}

// TestForged: what cannot have been kept here is not taken in.
func TestForged(t *testing.T) {
	for want, h := range map[string]History{
		"epochs":          make(History, maxEpochs+1),
		"no share":        {Work{Marks: map[string]Mark{"it": {Share: 99}}}},
		"31 attempts":     {Work{Attempts: map[string][]Attempt{"it": make([]Attempt, maxAttempts+1)}}},
		"201 words":       {Work{Said: make([]Said, maxSaid+1)}},
		"epoch 7: essay:": {Work{Epoch: 7, Marks: map[string]Mark{"essay": {Comment: "\x1b[2J"}}}},
	} {
		if err := h.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if err := (History{}).Begin(noon()).Check(); err != nil {
		t.Error(err)
	}
}

// TestExtend: an extension is told from the lab's time: what is said of a task is that, what is said of all takes its place, and
// nothing more is as the lab says.
func TestExtend(t *testing.T) {
	w := Begin(1, noon())
	type said struct {
		id string
		by time.Duration
	}
	for n, c := range []struct {
		said
		read, write time.Duration // then
	}{
		{said{"", 48 * time.Hour}, 48 * time.Hour, 48 * time.Hour},
		{said{"read", time.Hour}, time.Hour, 48 * time.Hour},
		{said{"write", 0}, time.Hour, 0},
		{said{"", 24 * time.Hour}, 24 * time.Hour, 24 * time.Hour},
		{said{"read", 6 * time.Hour}, 6 * time.Hour, 24 * time.Hour},
		{said{"", 0}, 0, 0},
		{said{"read", 6 * time.Hour}, 6 * time.Hour, 0},
		{said{"read", 0}, 0, 0},
	} {
		w.Extend(c.id, c.by)
		if w.Later("read") != c.read || w.Later("write") != c.write {
			t.Errorf("%d: %s, %s", n, w.Later("read"), w.Later("write"))
		}
	}
	if len(w.Extra) != 0 {
		t.Error(w.Extra)
	}
}
