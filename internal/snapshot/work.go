package snapshot

import (
	"archive/tar"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"maillab/internal/progress"
)

// workEntry is what is known of students' work; it is the second entry of a sandbox's stream, where there is one.
const workEntry = "progress.json"

// Work reads students' work out of an archive, and nothing else of it.
func Work(archive io.Reader) (map[string]progress.History, error) {
	stream, done, err := unpack(archive)
	if err != nil {
		return nil, err
	}
	defer done()
	in := tar.NewReader(stream)
	for range 2 {
		h, err := in.Next()
		if err == io.EOF {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		if h.Name == workEntry {
			return readWork(h, in)
		}
	}
	return nil, nil
}

func readWork(h *tar.Header, r io.Reader) (work map[string]progress.History, err error) {
	if h.Size > progress.MaxFile {
		return nil, damaged("%s of %d bytes", workEntry, h.Size)
	}
	if err := json.NewDecoder(r).Decode(&work); err != nil {
		return nil, damaged("%s: %v", workEntry, err)
	}
	for student, history := range work {
		if err := history.Check(); err != nil {
			return nil, damaged("%s: %s: %v", workEntry, student, err)
		}
	}
	return work, nil
}

// Turn is a task of a student's that stands otherwise than it did.
type Turn struct {
	Student string         `json:"student"`
	Task    string         `json:"task"`
	Before  progress.State `json:"before"` // "": nothing was known
	After   progress.State `json:"after"`
}

// Turns are the tasks that stand otherwise after, by student and task.
func Turns(before, after map[string]progress.History) (turns []Turn) {
	students := map[string]bool{}
	for _, side := range []map[string]progress.History{before, after} {
		for student := range side {
			students[student] = true
		}
	}
	for student := range students {
		old, now := before[student].Current(), after[student].Current()
		tasks := append(old.Tasks(), now.Tasks()...)
		slices.Sort(tasks)
		for _, id := range slices.Compact(tasks) {
			if was, is := old.Verdict(id), now.Verdict(id); was != is {
				turns = append(turns, Turn{student, id, was, is})
			}
		}
	}
	slices.SortFunc(turns, func(a, b Turn) int { return cmp.Or(cmp.Compare(a.Student, b.Student), cmp.Compare(a.Task, b.Task)) })
	return turns
}
