package grading

import (
	"slices"
	"sync"
	"time"

	"maillab/internal/check"
	"maillab/internal/epoch"
	"maillab/internal/progress"
	"maillab/internal/safeio"
)

// ledger is what is remembered of students' tasks, in results.json: each student's epochs, of which the last is under way.
//
//	{"epoch":2,"students":{"alice":[{"epoch":1,…,"end":…},{"epoch":2,"passed":{"journal":{"at":…,"seen":{…}}},
//	 "answers":{"journal":"4bXyz"},"states":{"journal":"passed","usurpation":"failed"},"tries":{"journal":2},
//	 "marks":{"q3-webmail":{"share":1,"at":…}}}]}}
//
// What a full disk does not take is remembered all the same, and written as soon as it can be.
type ledger struct {
	file  string
	epoch func() epoch.Epoch

	mu      sync.Mutex
	results resultsFile
	unsaved bool                   // the file does not have all of results
	working map[string]*sync.Mutex // a student's tasks are checked once at a time
}

// resultsFile is results.json. Epoch is the sandbox's, which evidence belongs to; a student's own are counted by themselves:
// on a server that others share, one may be put back to the start alone.
type resultsFile struct {
	Epoch    int                         `json:"epoch"`
	Students map[string]progress.History `json:"students"`
}

func openLedger(file string, now func() epoch.Epoch) (*ledger, error) {
	l := &ledger{file: file, epoch: now, working: map[string]*sync.Mutex{}}
	err := safeio.ReadJSON(file, &l.results)
	for _, history := range l.results.Students {
		for n, work := range history {
			history[n] = work.Clone() // what was empty is not in the file
		}
	}
	return l, err
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

// work is what is known of a student in this epoch, for an evaluation.
func (l *ledger) work(student string) progress.Work {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.current(student).Clone()
}

// history is a student's, of all epochs.
func (l *ledger) history(student string) progress.History {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.current(student)
	var all progress.History
	for _, w := range l.results.Students[student] {
		all = append(all, w.Clone())
	}
	return all
}

// resume goes on from a copy of a student's work. An error says that it is not written yet.
func (l *ledger) resume(student string, saved progress.History, taken time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.current(student)
	l.results.Students[student] = l.results.Students[student].Resume(saved, taken)
	return l.save()
}

// adopt goes on from what was kept of a student of whom nothing is known, and says whether it did: in a sandbox that has had no
// epoch but this first one. An error says that it is not written yet.
func (l *ledger) adopt(student string, kept progress.History) (took bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if work := l.current(student); l.epoch().Number > 1 || !work.Empty() || !work.Restored.IsZero() || len(l.results.Students[student]) > 1 {
		return false, nil
	}
	l.results.Students[student] = l.results.Students[student].Resume(kept, kept.Current().Restored)
	return true, l.save()
}

// extend makes a student's tasks due later; none named is what counts for all. An error says that it is not written yet.
func (l *ledger) extend(student string, ids []string, by time.Duration) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(ids) == 0 {
		ids = []string{""}
	}
	for _, id := range ids {
		l.current(student).Extend(id, by)
	}
	return l.save()
}

// since is when a student was put back to the start within the epoch.
func (l *ledger) since(student string) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.current(student).Since
}

// startAgain begins an epoch of their own for students; what they did before now counts no more.
func (l *ledger) startAgain(students []string, now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, student := range students {
		l.current(student) // of this epoch
		l.results.Students[student] = l.results.Students[student].Begin(now)
		l.current(student).Since = now
	}
	return l.save()
}

// current is a student's work in the epoch that is under way, to be changed. mu is held.
func (l *ledger) current(student string) *progress.Work {
	now := l.epoch()
	if l.results.Students == nil {
		l.results = resultsFile{Epoch: now.Number, Students: map[string]progress.History{}}
	}
	if l.results.Epoch != now.Number {
		l.results.Epoch = now.Number
		for one, history := range l.results.Students {
			l.results.Students[one] = history.Begin(now.Start)
		}
	}
	history := l.results.Students[student]
	if len(history) == 0 {
		history = progress.History{progress.Begin(now.Number, now.Start)}
		l.results.Students[student] = history
	}
	work := &history[len(history)-1]
	if work.Passed == nil {
		*work = work.Clone()
	}
	return work
}

// tried counts that a student has tasks checked, and returns those that count: they have not passed. An error says that it is
// not written yet.
func (l *ledger) tried(student string, ids []string) (counted []string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	work := l.current(student)
	for _, id := range ids {
		if work.Tried(id) {
			counted = append(counted, id)
		}
	}
	if len(counted) == 0 {
		return nil, nil
	}
	return counted, l.save()
}

// came remembers when a student first did anything. An error says that it is not written yet.
func (l *ledger) came(student string, at time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	work := l.current(student)
	if !work.Came.IsZero() {
		return nil
	}
	work.Came = at.UTC()
	return l.save()
}

// attempted remembers what tries came to. An error says that it is not written yet.
func (l *ledger) attempted(student string, ids []string, results []check.Result, now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	work := l.current(student)
	for _, r := range results {
		if slices.Contains(ids, r.ID) {
			work.Attempted(r.ID, progress.Attempt{At: now, State: r.State, Answer: r.Answer})
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return l.save()
}

// found keeps what an evaluation in an epoch found, or only what passed. One of an epoch that is over is kept no more, nor
// one that began before the student was put back to the start. An error says that it is not written yet.
func (l *ledger) found(epoch int, since time.Time, student string, results []check.Result, passesOnly bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	work := l.current(student)
	if epoch != l.results.Epoch || !since.Equal(work.Since) {
		return nil
	}
	changed := false
	for _, r := range results {
		if r.State == progress.Passed && r.Mark == nil {
			if _, known := work.Passed[r.ID]; !known {
				work.Passed[r.ID] = r.Pass()
				changed = true
			}
		}
		if work.States[r.ID] != r.State && r.Mark == nil && (!passesOnly || r.State == progress.Passed) {
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
	err := safeio.WriteJSON(l.file, l.results)
	l.unsaved = err != nil
	return err
}

// answer keeps a student's answer. An error says that it is not written yet.
func (l *ledger) answer(student, id, text string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.current(student).Answers[id] = text
	return l.save()
}

// mark keeps the teacher's word; a nil mark takes it back. It returns the word that stood before. An error says that it is not
// written yet.
func (l *ledger) mark(student, id, by string, m *progress.Mark, now time.Time) (before *progress.Mark, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before = l.current(student).Mark(id, m, by, now)
	return before, l.save()
}
