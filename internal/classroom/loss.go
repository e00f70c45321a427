package classroom

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"maillab/internal/deploy"
	"maillab/internal/instance"
	"maillab/internal/progress"
	"maillab/internal/snapshot"
)

// Turnover is how much of a student's work there is, and how much there is going to be.
type Turnover struct {
	Student       string
	Before, After progress.Count
}

// Losses tell what a reset takes from students, or, with a snapshot's archives by seat, what a restore makes of their work. A
// sandbox that does not answer has nothing that is known of.
func Losses(ctx context.Context, i deploy.Running, chosen instance.Chosen, after map[int]map[string]progress.History) []Turnover {
	ctx, cancel := context.WithTimeout(ctx, statusPatience)
	defer cancel()
	client := i.Client()
	defer client.Close()
	var mu sync.Mutex
	found := map[string]progress.Count{}
	instance.Each(ctx, chosen.Sandboxes, Awake(func(ctx context.Context, s instance.Sandbox) error {
		status, err := client.Seat(s.Seat).Status(ctx)
		mu.Lock()
		defer mu.Unlock()
		for _, p := range status.Tasks {
			found[p.Student] = p.Count
		}
		return err
	}))
	var all []Turnover
	for _, s := range chosen.Sandboxes {
		for _, student := range chosen.Students(s) {
			all = append(all, Turnover{student, found[student], after[s.Seat][student].Current().Count()})
		}
	}
	return all
}

// WorkIn reads students' work out of a snapshot's archives; from says which archive is whose, by seat.
func WorkIn(store snapshot.Store, name string, from map[int]int) (map[int]map[string]progress.History, error) {
	all := map[int]map[string]progress.History{}
	for seat, archived := range from {
		f, err := store.Open(name, archived)
		if err != nil {
			return nil, err
		}
		all[seat], err = snapshot.Work(f)
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("snapshot %s, seat %d: %w", name, archived, err)
		}
	}
	return all, nil
}

// mostNamed is how many students a question names.
const mostNamed = 5

// Told says in a sentence's end what becomes of students' work: "tasks passed: 8 → 0 for alice"; "" when nothing does.
func Told(turnovers []Turnover) string {
	var parts []string
	for _, what := range []struct {
		name string
		of   func(progress.Count) int
	}{
		{"tasks passed", func(c progress.Count) int { return c.Passed }},
		{"answers", func(c progress.Count) int { return c.Answers }},
		{"marks", func(c progress.Count) int { return c.Marks }},
	} {
		changed := slices.DeleteFunc(slices.Clone(turnovers), func(t Turnover) bool { return what.of(t.Before) == what.of(t.After) })
		if len(changed) > 0 {
			parts = append(parts, what.name+": "+turned(changed, what.of))
		}
	}
	return strings.Join(parts, "; ")
}

// turned names students, or adds them up when they are many.
func turned(changed []Turnover, of func(progress.Count) int) string {
	if len(changed) > mostNamed {
		before, after := 0, 0
		for _, t := range changed {
			before, after = before+of(t.Before), after+of(t.After)
		}
		return fmt.Sprintf("%d → %d for %d students", before, after, len(changed))
	}
	var parts []string
	for _, t := range changed {
		parts = append(parts, fmt.Sprintf("%d → %d for %s", of(t.Before), of(t.After), t.Student))
	}
	return strings.Join(parts, ", ")
}
