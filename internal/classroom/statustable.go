package classroom

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Table is a status to be read: a row a student, on a shared server, too, and of the accounts only those that have mail.
func (s Status) Table() (header []string, rows [][]string) {
	for _, row := range s.Sandboxes {
		if row.Seat != 0 || len(row.Each) == 0 {
			name := row.Student
			if row.Seat == 0 {
				name = fmt.Sprintf("shared by %d", len(row.Students))
			}
			rows = append(rows, row.cells(row.Seat, name, row.Tasks, row.Accounts))
		}
		for _, one := range row.Each {
			rows = append(rows, row.cells(one.Seat, one.Student, one.Tasks, one.Accounts))
		}
	}
	return []string{"seat", "student", "state", "ssh", "smtp", "pop3", "imap", "tasks", "mail (unread)"}, rows
}

// cells are one row: of a sandbox, or of one of those who share it.
func (r SandboxStatus) cells(seat int, name string, tasks *TasksStatus, accounts []AccountStatus) []string {
	row := []string{strconv.Itoa(seat), name, r.State}
	for _, service := range []string{"ssh", "smtp", "pop3", "imap"} {
		row = append(row, cmp.Or(r.Addresses[service], "-"))
	}
	return append(row, tasks.text(), cmp.Or(r.Problem, mailText(accounts), "-"))
}

func (t *TasksStatus) text() string {
	if t == nil || t.Total == 0 {
		return "-"
	}
	return fmt.Sprintf("%d/%d", t.Passed, t.Total)
}

func mailText(accounts []AccountStatus) string {
	var parts []string
	for _, account := range accounts {
		if account.Messages > 0 {
			parts = append(parts, fmt.Sprintf("%s %d (%d)", account.Name, account.Messages, account.Unread))
		}
	}
	return strings.Join(parts, ", ")
}
