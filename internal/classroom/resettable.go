package classroom

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"maillab/internal/control"
	"maillab/internal/instance"
)

// Replaced is what reset -o json prints.
type Replaced struct {
	Instance  string            `json:"instance"`
	Sandboxes []ReplacedSandbox `json:"sandboxes"`
}

// ReplacedSandbox is what a reset or a restore has dropped and ended in one sandbox.
type ReplacedSandbox struct {
	Seat      int               `json:"seat"`
	Student   string            `json:"student"`
	Dropped   int               `json:"dropped"`  // messages that were in mailboxes
	Queued    int               `json:"queued"`   // waiting messages that were dropped
	Sessions  int               `json:"sessions"` // POP3 and IMAP sessions that were ended
	Ended     []string          `json:"ended"`    // programs that had a mailbox open
	Epoch     int               `json:"epoch"`
	LeftOut   []string          `json:"left_out,omitempty"`
	Restarted bool              `json:"restarted,omitempty"` // it did not answer: all sessions in it were ended
	Each      []ReplacedStudent `json:"each,omitempty"`      // of a shared sandbox, in the order of the seats
}

// ReplacedStudent is one student's part of a shared sandbox. Waiting mail and sessions are counted for all together.
type ReplacedStudent struct {
	Seat    int      `json:"seat"`
	Student string   `json:"student"`
	Dropped int      `json:"dropped"`
	Ended   []string `json:"ended"`
}

// ReplacedIn puts together what the sandboxes report, by seat.
func ReplacedIn(name string, chosen instance.Chosen, reports map[int]control.ResetReport, anew map[int]bool) Replaced {
	all := Replaced{Instance: name, Sandboxes: []ReplacedSandbox{}}
	for _, s := range chosen.Sandboxes {
		report, ok := reports[s.Seat]
		if !ok {
			continue
		}
		row := ReplacedSandbox{Seat: s.Seat, Student: s.Name(), Queued: report.Queued, Sessions: report.Sessions,
			Epoch: report.Epoch, LeftOut: report.LeftOut, Restarted: anew[s.Seat]}
		row.Dropped, row.Ended = sum(report.Accounts)
		if s.Seat == 0 {
			for _, p := range chosen.In(s) {
				one := ReplacedStudent{Seat: p.Seat, Student: p.Key}
				one.Dropped, one.Ended = sum(slices.DeleteFunc(slices.Clone(report.Accounts), func(a control.ResetAccount) bool { return a.Student != p.Key }))
				row.Each = append(row.Each, one)
			}
		}
		all.Sandboxes = append(all.Sandboxes, row)
	}
	return all
}

// sum is what accounts lost together.
func sum(accounts []control.ResetAccount) (dropped int, ended []string) {
	ended = []string{}
	for _, account := range accounts {
		dropped += account.Dropped
		for _, program := range account.Ended {
			ended = append(ended, account.Name+": "+program)
		}
	}
	return dropped, ended
}

// Table is a row a sandbox, and a row a student of one that is shared.
func (all Replaced) Table() (header []string, rows [][]string) {
	for _, r := range all.Sandboxes {
		ended := r.Ended
		if r.Seat == 0 {
			ended = nil // told with the students
		}
		if r.Restarted {
			ended = append([]string{"it did not answer and was restarted"}, ended...)
		}
		rows = append(rows, []string{strconv.Itoa(r.Seat), r.Student, strconv.Itoa(r.Dropped), strconv.Itoa(r.Queued), strconv.Itoa(r.Sessions),
			cmp.Or(strings.Join(ended, ", "), "-")})
		for _, one := range r.Each {
			rows = append(rows, []string{strconv.Itoa(one.Seat), one.Student, strconv.Itoa(one.Dropped), "-", "-", cmp.Or(strings.Join(one.Ended, ", "), "-")})
		}
	}
	return []string{"seat", "student", "dropped", "queued", "sessions", "ended"}, rows
}
