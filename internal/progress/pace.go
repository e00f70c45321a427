package progress

import (
	"maps"
	"slices"
	"time"
)

// Pace is how a class gets on: what has passed over the time, and how long tasks took.
type Pace struct {
	Students   int
	Total      int       // tasks
	Begin, End time.Time // zero: nobody has begun
	Moments    []Moment  // from Begin to End, evenly spaced
	Tasks      []TaskPace
}

// Moment is how far the class was: how many tasks the one had whom a quarter of the class was behind, half of it, three quarters.
type Moment struct {
	At                  time.Time
	Slow, Middle, Quick int
}

// TaskPace is how long a task took those who passed it: from the pass before, or from when they came. Quick is what a quarter
// of them was quicker than, Slow what a quarter was slower than. Known is of how many that is known: whoever paused is left out.
type TaskPace struct {
	ID                  string
	Passed, Known       int
	Quick, Middle, Slow time.Duration
}

const (
	moments   = 80
	longPause = 2 * time.Hour    // longer than that nobody sat at one task
	goesOn    = 30 * time.Minute // for so long after something passed the lesson is taken to go on
)

// PaceOf looks at the work of students on tasks, in the lab's order.
func PaceOf(class []Work, tasks []string, now time.Time) Pace {
	p := Pace{Students: len(class), Total: len(tasks)}
	took := map[string][]time.Duration{}
	passed := map[string]int{}
	var passes [][]time.Time // by student
	for _, w := range class {
		steps := w.steps(tasks)
		var times []time.Time
		for _, s := range steps {
			passed[s.id]++
			times = append(times, s.at)
			if s.known {
				took[s.id] = append(took[s.id], s.took)
			}
		}
		passes = append(passes, times)
		p.cover(w, times)
	}
	for _, id := range tasks {
		t := TaskPace{ID: id, Passed: passed[id], Known: len(took[id])}
		slices.Sort(took[id])
		t.Quick, t.Middle, t.Slow = quarters(took[id])
		p.Tasks = append(p.Tasks, t)
	}
	if now.Sub(p.End) < goesOn {
		p.End = now
	}
	p.moments(passes)
	return p
}

// cover stretches the time over a student's.
func (p *Pace) cover(w Work, passes []time.Time) {
	times := slices.Clone(passes)
	if !w.Came.IsZero() {
		times = append(times, w.Came)
	}
	for _, t := range times {
		if p.Begin.IsZero() || t.Before(p.Begin) {
			p.Begin = t
		}
		if t.After(p.End) {
			p.End = t
		}
	}
}

// moments counts at each of them what everybody had passed.
func (p *Pace) moments(passes [][]time.Time) {
	if p.Begin.IsZero() || !p.End.After(p.Begin) {
		return
	}
	for i := range moments + 1 {
		m := Moment{At: p.Begin.Add(p.End.Sub(p.Begin) * time.Duration(i) / moments)}
		var counts []int
		for _, times := range passes {
			n := 0
			for _, t := range times {
				if !t.After(m.At) {
					n++
				}
			}
			counts = append(counts, n)
		}
		slices.Sort(counts)
		m.Slow, m.Middle, m.Quick = quarters(counts)
		p.Moments = append(p.Moments, m)
	}
}

// step is a pass of a student's.
type step struct {
	id    string
	at    time.Time
	took  time.Duration
	known bool // whether took is
}

// steps are a student's passes in order. Those that passed at the same time, as several by one message, share what they took.
func (w Work) steps(tasks []string) (all []step) {
	for _, id := range slices.Sorted(maps.Keys(w.Passed)) {
		if slices.Contains(tasks, id) {
			all = append(all, step{id: id, at: w.Passed[id].At})
		}
	}
	slices.SortStableFunc(all, func(a, b step) int { return a.at.Compare(b.at) })
	before := w.Came
	for i := 0; i < len(all); {
		end := i + 1
		for end < len(all) && all[end].at.Truncate(time.Second).Equal(all[i].at.Truncate(time.Second)) {
			end++
		}
		took := all[i].at.Sub(before)
		for j := i; j < end; j++ {
			all[j].took = took / time.Duration(end-i)
			all[j].known = !before.IsZero() && took >= 0 && took <= longPause
		}
		before, i = all[i].at, end
	}
	return all
}

// quarters are the quartiles of what is sorted, each one of the values; of nothing they are zero.
func quarters[V any](sorted []V) (low, middle, high V) {
	if n := len(sorted); n > 0 {
		return sorted[(n-1)/4], sorted[(n-1)/2], sorted[(3*n-1)/4]
	}
	return low, middle, high
}
