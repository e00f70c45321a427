package check_test

import (
	"context"
	"fmt"

	"maillab/internal/check"
	"maillab/internal/lab/task"
	"maillab/internal/progress"
)

// delivered are a student's messages.
type delivered []check.Mail

func (d delivered) Mails(context.Context) ([]check.Mail, error) { return d, nil }

// Tasks are values, and evidence is what is handed in: nothing else is looked at.
func ExampleEvaluate() {
	sheet := task.Sheet{Student: "alice", Accounts: []string{"util1"}, Tasks: []task.Task{
		{ID: "arrived", Points: 2, Check: task.Check{Mail: &task.Mail{To: "util1", From: "^util2@"}}},
		{ID: "explained", Points: 1, Check: task.Check{Manual: &task.Manual{}}},
	}}
	evidence := check.Evidence{Mails: delivered{{
		ID: "4F3A", To: "util1", From: "util2@local.isri.fr", Recipients: 1, Via: "smtp",
		Open: func() ([]byte, bool, error) { return []byte("Subject: hello\n\nhello\n"), false, nil },
	}}}
	for _, r := range check.Evaluate(context.Background(), sheet, evidence, progress.Work{}) {
		fmt.Println(r.ID, r.State, r.Given)
	}
	// Output:
	// arrived passed 2
	// explained manual 0
}
