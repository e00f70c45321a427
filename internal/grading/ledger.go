package grading

import (
	"errors"
	"maps"
	"sync"
	"time"

	"maillab/internal/check"
	"maillab/internal/safeio"
)

// ledger is what is remembered of students' tasks: results.json for the epoch (passes, answers, the last states), and
// marks.json, the teacher's word, which outlives it:
//
//	{"epoch":2,"students":{"alice":{"passed":{"journal":{"at":…,"seen":{…}}},"answers":{"journal":"4bXyz"},
//	 "states":{"journal":"passed","usurpation":"failed"},"tries":{"journal":2},"since":…}}}
//	{"alice":{"q3-webmail":true}}
//
// What a full disk does not take is remembered all the same, and written as soon as it can be.
type ledger struct {
	resultsFile, marksFile string
	epoch                  func() int

	mu      sync.Mutex
	results resultsFile
	unsaved bool // results.json does not have all of results
	unkept  bool // nor marks.json all of marks
	marks   map[string]map[string]bool
	working map[string]*sync.Mutex // a student's tasks are checked once at a time
}

type resultsFile struct {
	Epoch    int                    `json:"epoch"`
	Students map[string]studentWork `json:"students"`
}

// studentWork is one student's.
type studentWork struct {
	Passed  map[string]check.Pass  `json:"passed"`
	Answers map[string]string      `json:"answers"`
	States  map[string]check.State `json:"states"`
	Tries   map[string]int         `json:"tries,omitempty"` // how often a task was to be checked by name, or was answered, until it passed
	Since   time.Time              `json:"since,omitzero"`  // evidence from before does not count: the student was put back
}

func openLedger(results, marks string, epoch func() int) (*ledger, error) {
	l := &ledger{resultsFile: results, marksFile: marks, epoch: epoch, marks: map[string]map[string]bool{}, working: map[string]*sync.Mutex{}}
	return l, errors.Join(safeio.ReadJSON(results, &l.results), safeio.ReadJSON(marks, &l.marks))
}

// alone lets one check of a student's tasks run at a time.
func (l *ledger) alone(student string) (done func()) {
	l.mu.Lock()
	m := l.working[student]
	if m == nil {
		m = &sync.Mutex{}
		l.working[student] = m
	}
	l.mu.Unlock()
	m.Lock()
	return m.Unlock
}

// memory is what an evaluation is told.
func (l *ledger) memory(student string) check.Memory {
	l.mu.Lock()
	defer l.mu.Unlock()
	work := l.work(student)
	return check.Memory{Passed: maps.Clone(work.Passed), Answers: maps.Clone(work.Answers), Marks: maps.Clone(l.marks[student])}
}

// since is when a student was put back to the start within the epoch.
func (l *ledger) since(student string) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.work(student).Since
}

// startAgain forgets students' passes and answers; what they did before now counts no more.
func (l *ledger) startAgain(students []string, now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, student := range students {
		l.work(student) // of this epoch
		l.results.Students[student] = newWork(now)
	}
	return l.save()
}

// states are how a student's tasks were found last.
func (l *ledger) states(student string) map[string]check.State {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.work(student).States)
}

// work is a student's in the current epoch. mu is held.
func (l *ledger) work(student string) studentWork {
	if now := l.epoch(); l.results.Epoch != now || l.results.Students == nil {
		l.results = resultsFile{Epoch: now, Students: map[string]studentWork{}}
	}
	work, known := l.results.Students[student]
	if !known || work.Passed == nil || work.Answers == nil || work.States == nil || work.Tries == nil {
		work = newWork(time.Time{})
		maps.Copy(work.Passed, l.results.Students[student].Passed)
		maps.Copy(work.Answers, l.results.Students[student].Answers)
		maps.Copy(work.States, l.results.Students[student].States)
		work.Since = l.results.Students[student].Since
		l.results.Students[student] = work
	}
	return work
}

func newWork(since time.Time) studentWork {
	return studentWork{Passed: map[string]check.Pass{}, Answers: map[string]string{}, States: map[string]check.State{}, Tries: map[string]int{}, Since: since}
}

// tried counts that a student had tasks checked, of those that have not passed. An error says that it is not written yet.
func (l *ledger) tried(student string, ids []string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	work := l.work(student)
	for _, id := range ids {
		if _, passed := work.Passed[id]; !passed {
			work.Tries[id]++
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return l.save()
}

// tries is how often each of a student's tasks was tried.
func (l *ledger) tries(student string) map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.work(student).Tries)
}

// found keeps what an evaluation in an epoch found, or only what passed. One of an epoch that is over is kept no more, nor
// one that began before the student was put back to the start. An error says that it is not written yet.
func (l *ledger) found(epoch int, since time.Time, student string, results []check.Result, passesOnly bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	work := l.work(student)
	if epoch != l.results.Epoch || !since.Equal(work.Since) {
		return nil
	}
	changed := false
	for _, r := range results {
		if r.State == check.Passed && !r.Marked {
			if _, known := work.Passed[r.ID]; !known {
				work.Passed[r.ID] = check.Pass{At: r.At, Seen: r.Seen}
				changed = true
			}
		}
		if work.States[r.ID] != r.State && (!passesOnly || r.State == check.Passed) {
			work.States[r.ID] = r.State
			changed = true
		}
	}
	if !changed && !l.unsaved {
		return nil
	}
	return l.save()
}

// save writes the results. mu is held.
func (l *ledger) save() error {
	err := safeio.WriteJSON(l.resultsFile, l.results)
	l.unsaved = err != nil
	return err
}

// answer keeps a student's answer. An error says that it is not written yet.
func (l *ledger) answer(student, id, text string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.work(student).Answers[id] = text
	return l.save()
}

// mark keeps the teacher's word; nil takes it back. An error says that it is not written yet.
func (l *ledger) mark(student, id string, passed *bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	old, marked := l.marks[student][id]
	switch {
	case passed == nil && !marked, passed != nil && marked && old == *passed:
		if !l.unkept {
			return nil
		}
	case passed == nil:
		delete(l.marks[student], id)
	default:
		if l.marks[student] == nil {
			l.marks[student] = map[string]bool{}
		}
		l.marks[student][id] = *passed
	}
	err := safeio.WriteJSON(l.marksFile, l.marks)
	l.unkept = err != nil
	return err
}
