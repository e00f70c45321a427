package studio

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"maillab/internal/author"
	"maillab/internal/control"
	"maillab/internal/lab"
	"maillab/internal/lab/source"
	"maillab/internal/lab/task"
	"maillab/internal/progress"
	"maillab/internal/safeio"
)

// Bring brings the lab of a file up for so many students, does something there, and takes it away again.
type Bring func(ctx context.Context, file string, students int, do func(Stage) error) error

// NotProvenError is a task that is not as it is to be: nothing was written.
type NotProvenError struct {
	Task string
	Seen []Seen
}

func (e *NotProvenError) Error() string {
	var wrong []string
	had := slices.ContainsFunc(e.Seen, func(s Seen) bool { return s.Name == author.Nothing && s.State == progress.Passed })
	for _, s := range e.Seen {
		switch {
		case s.Right():
		case s.Passes:
			wrong = append(wrong, "the solution does not pass")
			if said := strings.TrimSpace(s.Output); said != "" {
				wrong = append(wrong, "it says: "+said)
			}
		case had && s.State == progress.Passed && s.Name != author.Nothing: // as it must, then
		case had && s.State == progress.Passed:
			wrong = append(wrong, "it has passed once the tasks before it are done: do something that they do not ask for")
		case s.State == progress.Passed:
			wrong = append(wrong, s.Name+" passes, too: the check asks for too little")
		default:
			wrong = append(wrong, fmt.Sprintf("%s: %s", s.Name, s.Text.In("en")))
		}
	}
	return fmt.Sprintf("task %s: %s", e.Task, strings.Join(wrong, "; "))
}

// logLines are a sandbox's mail.log.
func logLines(ctx context.Context, client *control.Client, seat int) (lines []string, err error) {
	log, err := client.Seat(seat).Log(ctx, -1, false)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	for in := bufio.NewScanner(log); ; {
		if !in.Scan() {
			return lines, in.Err()
		}
		lines = append(lines, in.Text())
	}
}

// aside is the lab file with a task that is not proven yet, beside the lab's own.
const aside = ".lab-tried.yaml"

// Write makes a task of a record, has it proven, and writes it into the lab: solution and wrong ways first, the lab file
// last. Without proof nothing is written.
func (s Session) Write(ctx context.Context, id string, needs []string, r author.Record, bring Bring) ([]Seen, error) {
	text, err := os.ReadFile(s.Lab)
	if err != nil {
		return nil, err
	}
	l, err := Parsed(s.Lab)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(l.Tasks, func(t task.Task) bool { return t.ID == id }) {
		return nil, fmt.Errorf("%s has a task %s already: give another name, or take it out first", s.Lab, id)
	}
	for _, need := range needs {
		if !slices.ContainsFunc(l.Tasks, func(t task.Task) bool { return t.ID == need }) {
			return nil, fmt.Errorf("%s has no task %q", s.Lab, need)
		}
	}
	p, err := author.Propose(id, r)
	if err != nil {
		return nil, err
	}
	p.Task.Needs = needs
	added, err := author.Add(text, p.Task)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Lab, err)
	}
	tried := filepath.Join(filepath.Dir(s.Lab), aside)
	if err := safeio.WriteFile(tried, added, 0o644, safeio.Whole); err != nil {
		return nil, err
	}
	defer os.Remove(tried)
	if err := same(l, tried, p.Task); err != nil {
		return nil, err
	}
	solution, err := readIf(s.Solution())
	if err != nil {
		return nil, err
	}
	seen, err := proven(ctx, tried, p.Task, p.Plays(r, solution), bring)
	if err != nil {
		return seen, err
	}
	if now, err := os.ReadFile(s.Lab); err != nil || !bytes.Equal(now, text) {
		return seen, errors.Join(err, fmt.Errorf("%s was changed meanwhile, and stays as it is: again, please", s.Lab))
	}
	return seen, s.write(p, r, solution, added)
}

func (s Session) write(p author.Proposal, r author.Record, solution string, lab []byte) error {
	wrong, err := readIf(s.Wrong())
	if err != nil {
		return err
	}
	for _, way := range p.WrongSections() {
		wrong = author.Wrong(wrong, way)
	}
	if err := os.MkdirAll(filepath.Dir(s.Solution()), 0o755); err != nil {
		return err
	}
	return errors.Join(
		safeio.WriteFile(s.Solution(), []byte(author.Solution(solution, r, p.Section())), 0o755, safeio.Whole),
		safeio.WriteFile(s.Wrong(), []byte(wrong), 0o644, safeio.Whole),
		safeio.WriteFile(s.Lab, lab, 0o644, safeio.Whole))
}

// readIf is a file's text, "" where there is none.
func readIf(path string) (string, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return string(text), err
}

// same sees that a lab file is sound, and the lab with a task behind.
func same(before *lab.Lab, tried string, t task.Task) error {
	after, err := Parsed(tried)
	if err != nil {
		return fmt.Errorf("what was recorded does not make a task that this lab can have: %w", err)
	}
	if n := len(before.Tasks); len(after.Tasks) != n+1 || n > 0 && !reflect.DeepEqual(after.Tasks[:n], before.Tasks) || after.Tasks[n].ID != t.ID {
		return errors.New("the lab file cannot be written into safely: write its tasks one a line, each with a dash")
	}
	return nil
}

// Parsed is a lab file, read strictly.
func Parsed(file string) (*lab.Lab, error) {
	found, err := source.Find(file)
	if err != nil {
		return nil, err
	}
	return found.Parse()
}

// proven plays the ways of a task, and is sure that each came as it was to.
func proven(ctx context.Context, file string, t task.Task, plays []author.Play, bring Bring) (seen []Seen, err error) {
	err = bring(ctx, file, len(plays), func(stage Stage) (err error) {
		seen, err = stage.Play(ctx, t, plays)
		return err
	})
	if err == nil && slices.ContainsFunc(seen, func(s Seen) bool { return !s.Right() }) {
		err = &NotProvenError{t.ID, seen}
	}
	return seen, err
}

// Try plays the solution of a task, and its wrong ways, against the lab as it is.
func (s Session) Try(ctx context.Context, t task.Task, bring Bring) ([]Seen, error) {
	solution, err := readIf(s.Solution())
	if err != nil {
		return nil, err
	}
	wrong, err := readIf(s.Wrong())
	if err != nil {
		return nil, err
	}
	plays := author.Kept(s.record(), solution, wrong, t.ID)
	if plays == nil {
		return nil, fmt.Errorf("%s has no section for task %s: maillab author task writes one", s.Solution(), t.ID)
	}
	return proven(ctx, s.Lab, t, plays, bring)
}

// Kept are the tasks of a lab that have a section in its solution, or those that are named, and what plays them.
func Kept(ref string, ids []string) (tasks []task.Task, s Session, err error) {
	file, missing, err := place(ref)
	if err != nil {
		return nil, s, err
	}
	if missing {
		return nil, s, fmt.Errorf("there is no lab in %s", file)
	}
	l, err := Parsed(file)
	if err != nil {
		return nil, s, err
	}
	s.Lab = file
	solution, err := readIf(s.Solution())
	if err != nil {
		return nil, s, err
	}
	for _, t := range l.Tasks {
		kept := slices.ContainsFunc(author.Sections(solution), func(s author.Section) bool { return s.Task == t.ID })
		if slices.Contains(ids, t.ID) || len(ids) == 0 && kept {
			tasks = append(tasks, t)
		}
	}
	for _, id := range ids {
		if !slices.ContainsFunc(tasks, func(t task.Task) bool { return t.ID == id }) {
			return nil, s, fmt.Errorf("%s has no task %q", file, id)
		}
	}
	return tasks, s, nil
}
