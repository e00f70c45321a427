package grading

import (
	"maps"
	"slices"
	"time"

	"maillab/internal/check"
	"maillab/internal/dialogue"
	"maillab/internal/lab/task"
	"maillab/internal/progress"
)

// Bounds of what of a student's evidence has weight. What is asked for once is there once: more of the same adds nothing.
const (
	maxPassing = 8   // dialogues that have all of one thing that is asked, the first ones
	maxTold    = 400 // dialogues with a reply that an answer may be
	maxQueued  = 400 // dialogues that handed in a message, the last ones
	maxLines   = 4 << 20
)

// folder is a student's sheet, which stays, and beside it what was weighed of the student's evidence.
type folder struct {
	sheet task.Sheet
	scale *check.Scale
	weighed
}

// weighed is the evidence of one student in this epoch that has weight: what an evaluation looks at. Everything is weighed
// once, when it comes (see check.Scale).
type weighed struct {
	passing [][]string // IDs of dialogues, by thing that is asked of dialogues
	near    []string   // the nearest of those that have not all of it, the last one
	nearest []float64
	told    []string
	queued  []string // of the student's
	others  []string // of who did not say
	lines   []string // of mail.log
	size    int      // octets of lines

	dirty  bool      // something came since it was judged
	rest   time.Time // the next judging is not before
	latest map[string]check.Result
}

func newFolder(s task.Sheet) (*folder, error) {
	scale, err := check.NewScale(s)
	f := &folder{sheet: s, scale: scale}
	f.clear()
	return f, err
}

// clear begins anew. What stays is not written again: it is read without a lock.
func (f *folder) clear() { f.weighed = weighed{latest: map[string]check.Result{}} }

// add weighs a dialogue that has ended.
func (f *folder) add(d dialogue.Dialogue) {
	if len(d.Accounts) > 0 && !slices.ContainsFunc(d.Accounts, func(a string) bool { return slices.Contains(f.sheet.Accounts, a) }) {
		return
	}
	w := f.scale.Dialogue(d)
	if !w.Mine {
		if w.Queued {
			f.others = last(append(f.others, d.ID), maxQueued/4)
		}
		return
	}
	if f.passing == nil {
		n := len(w.Near)
		f.passing, f.near, f.nearest = make([][]string, n), make([]string, n), make([]float64, n)
	}
	f.dirty = f.dirty || w.Account || w.Queued || w.Told
	for i, near := range w.Near {
		switch {
		case near == 1 && len(f.passing[i]) < maxPassing:
			f.passing[i] = append(f.passing[i], d.ID)
			f.dirty = true
		case near < 1 && near > 0 && near >= f.nearest[i]:
			f.near[i], f.nearest[i] = d.ID, near
		}
	}
	if w.Queued {
		f.queued = last(append(f.queued, d.ID), maxQueued)
	}
	if w.Told {
		f.told = last(append(f.told, d.ID), maxTold)
	}
}

// last is the end of a list.
func last(ids []string, n int) []string { return slices.Clone(ids[max(0, len(ids)-n):]) }

// dialogues are the IDs that have weight.
func (f *folder) dialogues() []string {
	ids := map[string]bool{}
	for _, some := range append(slices.Clone(f.passing), f.near, f.told, f.queued, f.others) {
		for _, id := range some {
			ids[id] = id != ""
		}
	}
	delete(ids, "")
	return slices.Sorted(maps.Keys(ids))
}

// line weighs a line of mail.log; share is how many share the room.
func (f *folder) line(line string, share int) {
	if !f.scale.Line(line) {
		return
	}
	f.dirty = true
	f.lines, f.size = append(f.lines, line), f.size+len(line)
	if most := max(maxLines/share, 32<<10); f.size > most {
		for f.size > most/4*3 {
			f.size -= len(f.lines[0])
			f.lines = f.lines[1:]
		}
		f.lines = slices.Clone(f.lines)
	}
}

// onArrival are the tasks that are judged when their evidence comes: no script is run for them, and no file is opened.
func onArrival(s task.Sheet, w progress.Work) (ids []string) {
	for _, t := range s.Tasks {
		if _, passed := w.Passed[t.ID]; passed {
			continue
		}
		still := true
		for _, c := range t.Check.Walk("") {
			still = still && c.Run == nil && c.File == nil
		}
		if still {
			ids = append(ids, t.ID)
		}
	}
	return ids
}

// holds tells whether a folder is of one of these accounts.
func (f *folder) holds(accounts []string) bool {
	return slices.ContainsFunc(accounts, func(a string) bool { return slices.Contains(f.sheet.Accounts, a) })
}
