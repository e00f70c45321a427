package instance

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// What a teacher gets out of an instance lies in its folder, too, and is forgotten by ForgetResults:
//
//	marks.json     {"alice": {"q3-webmail": true}}: the teacher's words
//	results.json   the last results of check, as -o json prints them

const (
	marksFile   = "marks.json"
	resultsFile = "results.json"
)

// Marks are the teacher's words, by student and task.
func (f Folder) Marks() (map[string]map[string]bool, error) {
	marks := map[string]map[string]bool{}
	text, err := f.read(marksFile)
	if err != nil || text == nil {
		return marks, err
	}
	if err := json.Unmarshal(text, &marks); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(f.path, marksFile), err)
	}
	return marks, nil
}

// KeepMark keeps the teacher's word on a task; nil takes it back.
func (f Folder) KeepMark(student, task string, passed *bool) error {
	marks, err := f.Marks()
	if err != nil {
		return err
	}
	if marks[student] == nil {
		marks[student] = map[string]bool{}
	}
	delete(marks[student], task)
	if passed != nil {
		marks[student][task] = *passed
	}
	return f.keep(marksFile, marks)
}

// KeepResults keeps the results of a check.
func (f Folder) KeepResults(results any) error { return f.keep(resultsFile, results) }

func (f Folder) keep(name string, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	return f.write(name, append(text, '\n'))
}

// ForgetResults removes marks and results.
func (f Folder) ForgetResults() error {
	var errs []error
	for _, name := range []string{marksFile, resultsFile} {
		if err := os.Remove(filepath.Join(f.path, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
