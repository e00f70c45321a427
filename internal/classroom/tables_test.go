package classroom

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/check"
	"maillab/internal/control"
	"maillab/internal/deploy"
	"maillab/internal/engine"
	"maillab/internal/instance"
	"maillab/internal/progress"
	"maillab/internal/roster"
)

// shared is an instance whose students share a server: bob's seat is the first.
func shared() (instance.Instance, instance.People) {
	i := instance.Instance{Name: "s", Sandboxes: []instance.Sandbox{{Seat: 0, Students: []string{"alice", "bob"}, State: engine.Running}}}
	return i, i.People(roster.Given{"alice": {Seat: 2}, "bob": {Seat: 1}})
}

// lines are a table's, for a comparison.
func lines(_ []string, rows [][]string) (all []string) {
	for _, row := range rows {
		all = append(all, strings.Join(row, " | "))
	}
	return all
}

// TestStatusOfASharedServer: a row a student, in the order of the seats.
func TestStatusOfASharedServer(t *testing.T) {
	i, people := shared()
	answer := control.Status{
		Ready:    control.Ready{State: control.StateReady},
		Accounts: []control.Account{{Name: "a1", Student: "alice", Messages: 2, Unread: 1}, {Name: "a2", Student: "alice"}, {Name: "b1", Student: "bob"}},
		Tasks:    []control.Progress{{Student: "alice", Count: progress.Count{Passed: 1}, Total: 3}, {Student: "bob", Total: 3}},
	}
	row := rowOf(i.Sandboxes[0], "")
	row.answered(answer, nil)
	row.Each = each(answer, people)
	s := Status{Sandboxes: []SandboxStatus{row}}
	if diff := cmp.Diff([]string{"1 | bob | ready | - | - | - | - | 0/3 | -", "2 | alice | ready | - | - | - | - | 1/3 | a1 2 (1)"}, lines(s.Table())); diff != "" {
		t.Error(diff)
	}
	if row.Tasks.Total != 6 || len(row.Accounts) != 3 {
		t.Errorf("all together: %+v, %+v", row.Tasks, row.Accounts)
	}
	silent := rowOf(i.Sandboxes[0], "")
	silent.answered(control.Status{}, errors.New("it hangs"))
	s.Sandboxes = []SandboxStatus{silent, {Seat: 3, Student: "eve", State: "ready", Addresses: map[string]string{"smtp": "h:25"}}}
	if diff := cmp.Diff([]string{"0 | shared by 2 | unreachable | - | - | - | - | - | it hangs", "3 | eve | ready | - | h:25 | - | - | - | -"}, lines(s.Table())); diff != "" {
		t.Error(diff)
	}
}

// TestWhatAResetDropped: on a shared server, of each student what was the student's.
func TestWhatAResetDropped(t *testing.T) {
	i, people := shared()
	i.Sandboxes = append(i.Sandboxes, instance.Sandbox{Seat: 7})
	chosen, err := i.Choose(people, nil)
	if err != nil {
		t.Fatal(err)
	}
	reports := map[int]control.ResetReport{0: {Sessions: 1, Queued: 4, Accounts: []control.ResetAccount{
		{Name: "a1", Student: "alice", Dropped: 2, Ended: []string{"mail"}}, {Name: "b1", Student: "bob", Dropped: 3}, {Name: "old", Dropped: 5},
	}}}
	all := ReplacedIn("s", chosen, reports, map[int]bool{0: true})
	want := []string{"0 | shared | 10 | 4 | 1 | it did not answer and was restarted", "1 | bob | 3 | - | - | -", "2 | alice | 2 | - | - | a1: mail"}
	if diff := cmp.Diff(want, lines(all.Table())); diff != "" {
		t.Error(diff)
	}
}

// TestOwnFirst: whoever asks sees the own instances first, and whose the others are.
func TestOwnFirst(t *testing.T) {
	rows := []InstanceRow{{Instance: "a", Owner: "bob"}, {Instance: "z", Owner: "me", Own: true}, {Instance: "b"}, {Instance: "c", Owner: "me", Own: true}}
	slices.SortStableFunc(rows, OwnFirst)
	var got []string
	_, table := Instances{rows}.Table()
	for _, row := range table {
		got = append(got, row[0]+" "+row[6])
	}
	if diff := cmp.Diff([]string{"c you", "z you", "a bob", "b -"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestNext: the board's next task lies behind what was skipped.
func TestNext(t *testing.T) {
	row := boardRowOf(4, control.Activity{Student: "alice"}, []check.Result{
		{ID: "one", State: progress.Passed}, {ID: "skipped", State: progress.Failed}, {ID: "three", State: progress.Passed}, {ID: "closed", State: progress.Blocked}, {ID: "five", State: progress.Failed}})
	if row.Next != "five" || row.Passed != 2 || row.Seat != 4 {
		t.Errorf("%+v", row)
	}
}

// TestNoGateway: what cannot be asked is told with what mends it.
func TestNoGateway(t *testing.T) {
	r := deploy.Running{Instance: instance.Instance{Name: "monday"}}
	client := r.Client()
	defer client.Close()
	_, err := client.Seat(1).Status(t.Context())
	var closed *deploy.NoGatewayError
	if !errors.As(err, &closed) || !strings.Contains(closed.Error(), "maillab up -n monday repairs it") {
		t.Errorf("%v", err)
	}
}
