package classroom

import (
	"context"

	"maillab/internal/control"
	"maillab/internal/instance"
)

// AccountOf finds a student's account: the first that is the student's, or the one that was named. Where there is none, theirs are those
// that there are.
func AccountOf(ctx context.Context, client *control.Client, s instance.Sandbox, student, named string) (account string, theirs []string, err error) {
	status, err := client.Seat(s.Seat).Status(ctx)
	if err != nil {
		return "", nil, err
	}
	for _, account := range status.Accounts {
		if account.Student == student || s.Seat != 0 {
			if named == "" || account.Name == named {
				return account.Name, nil, nil
			}
			theirs = append(theirs, account.Name)
		}
	}
	return "", theirs, nil
}
