package instance

import (
	"cmp"
	"maps"
	"slices"

	"maillab/internal/spec"
)

// What is on the students' sheets lies in the folder, too, so that they can be printed when the lab file is gone.

// Sheet is what students are told about an instance.
type Sheet struct {
	Lab       string            `json:"lab"`
	Title     map[string]string `json:"title"`
	Domain    string            `json:"domain"`
	Hostname  string            `json:"hostname"`
	Timezone  string            `json:"timezone,omitempty"`
	Tasks     []string          `json:"tasks,omitempty"` // their names
	Sandboxes []SheetSandbox    `json:"sandboxes"`
}

// SheetSandbox is one sandbox of it.
type SheetSandbox struct {
	Seat     int            `json:"seat"`
	Lang     string         `json:"lang"`
	Accounts []SheetAccount `json:"accounts"`
}

// SheetAccount is one account with its password in clear.
type SheetAccount struct {
	Name     string `json:"name"`
	Student  string `json:"student"`
	FullName string `json:"full_name,omitempty"`
	Password string `json:"password"`
	Lang     string `json:"lang"`
	Own      bool   `json:"own,omitempty"` // one that the student works with
}

func sheetOf(specs map[int]spec.Sandbox, tasks []string, assigned int) Sheet {
	sheet := Sheet{Tasks: tasks}
	for _, seat := range slices.Sorted(maps.Keys(specs)) {
		s := specs[seat]
		sheet.Lab, sheet.Title, sheet.Domain, sheet.Hostname, sheet.Timezone = s.Lab, s.Title, s.Domain, s.Hostname, s.Timezone
		one, had := SheetSandbox{Seat: seat, Lang: s.Lang}, map[string]int{}
		for _, a := range s.Accounts {
			one.Accounts = append(one.Accounts, SheetAccount{a.Name, a.Student, a.FullName, a.Password, cmp.Or(a.Lang, s.Lang), had[a.Student] < assigned})
			had[a.Student]++
		}
		sheet.Sandboxes = append(sheet.Sandboxes, one)
	}
	return sheet
}

// Sheet is what everybody was given, with the passwords that were changed since; nil when nothing was kept.
func (f Folder) Sheet() (*Sheet, error) {
	var sheet Sheet
	if there, err := f.value(accountsFile, &sheet); err != nil || !there {
		return nil, err
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
