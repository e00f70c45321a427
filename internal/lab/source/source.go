// Package source finds labs where a user says they are: in a folder, as a file, or on board by name. What is wrong in one is told
// with the path as it was given.
package source

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"maillab/internal/lab"
	"maillab/internal/roster"
	"maillab/labs"
)

// Lab is one where it was found.
type Lab struct {
	Name string // as it was given
	fsys fs.FS
	file string // of the lab file in fsys
}

// Find finds a lab: a folder, a file, or the name of one on board.
func Find(ref string) (Lab, error) {
	if info, err := os.Stat(ref); err == nil {
		dir, file := ref, labs.File
		if !info.IsDir() {
			dir, file = filepath.Split(filepath.Clean(ref))
		}
		folder, err := lab.Folder(filepath.Clean(dir))
		return Lab{ref, folder, file}, err
	}
	onBoard, err := labs.Open(ref)
	if err != nil {
		return Lab{}, fmt.Errorf("%w; nor is there such a file or folder", err)
	}
	return Lab{ref, onBoard, labs.File}, nil
}

// Lasting is a name under which the lab is found again from any folder.
func (l Lab) Lasting() string {
	if _, err := os.Stat(l.Name); err != nil {
		return l.Name // on board
	}
	if path, err := filepath.Abs(l.Name); err == nil {
		return path
	}
	return l.Name
}

// Parse reads the lab; what is wrong in it is told with the path that was given.
func (l Lab) Parse() (*lab.Lab, error) {
	parsed, err := lab.Parse(l.fsys, l.file)
	told, _ := l.Placed(err)
	return parsed, told
}

// Placed puts the folder as it was given in front of the names in problems, which are the user's; false for other errors.
func (l Lab) Placed(err error) (told error, are bool) {
	var problems lab.Problems
	if !errors.As(err, &problems) {
		return err, false
	}
	folder := l.Name
	if info, err := os.Stat(l.Name); err == nil && !info.IsDir() {
		folder = filepath.Dir(l.Name)
	}
	for i := range problems {
		if problems[i].File == l.file { // a roster's name is as it was given
			problems[i].File = filepath.Join(folder, problems[i].File)
		}
	}
	return problems, true
}

// maxRoster is far more than any class list has, in octets.
const maxRoster = 16 << 20

// Roster is the example class list that lies beside the lab; nil when there is none.
func (l Lab) Roster() ([]byte, error) {
	text, err := lab.ReadFile(l.fsys, labs.Roster, maxRoster)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return text, err
}

// Class is the example class that lies beside the lab; listed is false where there is none.
func (l Lab) Class() (class roster.Class, listed bool, err error) {
	text, err := l.Roster()
	if err != nil || text == nil {
		return class, false, err
	}
	class, _, err = roster.Read(filepath.Join(l.Name, labs.Roster), bytes.NewReader(text), roster.Options{})
	return class, true, err
}

// Summary is a lab in a list.
type Summary struct {
	Name     string            `json:"name"`
	Title    map[string]string `json:"title"` // by language
	Topology string            `json:"topology"`
	Tasks    int               `json:"tasks"`
}

// OnBoard lists the labs that the program carries.
func OnBoard() ([]Summary, error) {
	names, err := labs.List()
	all := []Summary{}
	for _, name := range names {
		l, findErr := Find(name)
		if err = errors.Join(err, findErr); err != nil {
			return nil, err
		}
		parsed, err := l.Parse()
		if err != nil {
			return nil, err
		}
		title := map[string]string{"fr": parsed.Title.In("fr"), "en": parsed.Title.In("en")}
		all = append(all, Summary{name, title, parsed.Topology, len(parsed.Tasks)})
	}
	return all, err
}
