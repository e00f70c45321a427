package instance

import (
	"cmp"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"maillab/internal/control"
	"maillab/internal/engine"
	"maillab/internal/spec"
)

// What is on the students' sheets lies in the folder, too, so that they can be printed when the lab file is gone.

// Sheet is what students are told about an instance.
type Sheet struct {
	Lab       string            `json:"lab"`
	Title     map[string]string `json:"title"`
	Timezone  string            `json:"timezone,omitempty"`
	Tasks     []string          `json:"tasks,omitempty"`  // their names
	Points    int               `json:"points,omitempty"` // that they give at most, all together
	Host      string            `json:"host,omitempty"`   // that students were told
	Sandboxes []SheetSandbox    `json:"sandboxes"`
	AsOf      time.Time         `json:"-"` // when it was kept
}

// Zone is the lab's time zone, the machine's where it is not known.
func (s Sheet) Zone() *time.Location {
	zone, err := time.LoadLocation(s.Timezone)
	if err != nil || s.Timezone == "" {
		return time.Local
	}
	return zone
}

// SheetSandbox is one sandbox of it.
type SheetSandbox struct {
	Seat     int            `json:"seat"`
	Lang     string         `json:"lang"`
	Domain   string         `json:"domain"`
	Hostname string         `json:"hostname"`
	Accounts []SheetAccount `json:"accounts"`
	Doors    []control.Door `json:"doors,omitempty"`
}

// SheetAccount is one account with its password in clear.
type SheetAccount struct {
	Name     string `json:"name"`
	Student  string `json:"student"`
	FullName string `json:"full_name,omitempty"`
	Password string `json:"password"`
	Lang     string `json:"lang"`
	Own      bool   `json:"own,omitempty"` // one that the student works with

	Statement string `json:"statement,omitempty"` // of a student's first account: where in its home the statement is
}

// Instance is one of which nothing runs, as it was at the last up.
func (s Sheet) Instance(name string) Instance {
	i := Instance{Name: name, Lab: s.Lab, Host: s.Host}
	for _, one := range s.Sandboxes {
		was := Sandbox{Seat: one.Seat, State: engine.Missing, Target: control.Target{Seat: one.Seat, Doors: one.Doors}}
		for _, a := range one.Accounts {
			if a.Student != "" && !slices.Contains(was.Students, a.Student) {
				was.Students = append(was.Students, a.Student)
			}
		}
		i.Sandboxes = append(i.Sandboxes, was)
	}
	return i
}

// Tasks are a lab's.
type Tasks struct {
	Names  []string
	Points int // at most, all together
}

// Reach is where students get in.
type Reach struct {
	Doors control.Doors
	Host  string
}

func sheetOf(specs map[int]spec.Sandbox, tasks Tasks, assigned int, r Reach) Sheet {
	doors := map[int][]control.Door{}
	for _, t := range r.Doors.Sandboxes {
		doors[t.Seat] = t.Doors
	}
	sheet := Sheet{Tasks: tasks.Names, Points: tasks.Points, Host: r.Host}
	for _, seat := range slices.Sorted(maps.Keys(specs)) {
		s := specs[seat]
		sheet.Lab, sheet.Title, sheet.Timezone = s.Lab, s.Title, s.Timezone
		one, had := SheetSandbox{Seat: seat, Lang: s.Lang, Domain: s.Domain, Hostname: s.Hostname, Doors: doors[seat]}, map[string]int{}
		for _, a := range s.Accounts {
			made := SheetAccount{Name: a.Name, Student: a.Student, FullName: a.FullName, Password: a.Password, Lang: cmp.Or(a.Lang, s.Lang), Own: had[a.Student] < assigned}
			if had[a.Student] == 0 {
				made.Statement = statementIn(s, a.Name)
			}
			one.Accounts = append(one.Accounts, made)
			had[a.Student]++
		}
		sheet.Sandboxes = append(sheet.Sandboxes, one)
	}
	return sheet
}

// statementIn is where in an account's home the statement is: the file of that name, whatever behind the dot.
func statementIn(s spec.Sandbox, account string) string {
	for _, f := range s.Files {
		if name, _, _ := strings.Cut(path.Base(f.Path), "."); f.Account == account && name == "statement" {
			return strings.TrimPrefix(f.Path, "/home/"+account+"/")
		}
	}
	return ""
}

// Sheet is what everybody was given, with the passwords that were changed since; nil when nothing was kept.
func (f Folder) Sheet() (*Sheet, error) {
	var sheet Sheet
	if there, err := f.value(accountsFile, &sheet); err != nil || !there {
		return nil, err
	}
	if info, err := os.Stat(filepath.Join(f.path, accountsFile)); err == nil {
		sheet.AsOf = info.ModTime()
	}
	changed, err := f.Passwords()
	if err != nil {
		return nil, err
	}
	for i, s := range sheet.Sandboxes {
		for j, a := range s.Accounts {
			if word, ok := changed[s.Seat][a.Name]; ok {
				sheet.Sandboxes[i].Accounts[j].Password = word
			}
		}
	}
	return &sheet, nil
}

// Passwords are those that the teacher gave accounts in place of the others, by seat and account.
func (f Folder) Passwords() (map[int]map[string]string, error) {
	changed := map[int]map[string]string{} // in JSON a seat is a text
	_, err := f.value(passwordsFile, &changed)
	return changed, err
}
