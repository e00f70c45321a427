package grading

import (
	"testing"

	"maillab/internal/lab/task"
)

// TestOwnerOf: whose token an answer holds is told as loosely as whether it is one's own: an answer that would pass for its
// owner does not go unseen in another's hands.
func TestOwnerOf(t *testing.T) {
	with := func(token string) task.Task {
		return task.Task{ID: "read", Check: task.Check{Answer: &task.Answer{Token: token}}}
	}
	deep := func(token string) task.Task {
		return task.Task{ID: "read", Check: task.Check{All: []task.Check{{Answer: &task.Answer{Matches: "."}}, {Answer: &task.Answer{Token: token}}}}}
	}
	g := &Grading{sheets: []task.Sheet{
		{Student: "alice", Tasks: []task.Task{with("blue-otter")}}, {Student: "bob", Tasks: []task.Task{deep("red-heron")}},
		{Student: "carol", Tasks: []task.Task{{ID: "other", Check: task.Check{Answer: &task.Answer{Token: "green-newt"}}}}},
	}}
	for _, test := range []struct{ student, answer, want string }{
		{"bob", "blue-otter", "alice"}, {"bob", "It is Blue Otter.", "alice"}, {"bob", "blue_otter", "alice"}, {"bob", "BLUEOTTER", "alice"},
		{"alice", "the red heron", "bob"}, {"alice", "blue-otter", ""}, {"bob", "blue", ""}, {"bob", "", ""}, {"bob", "green-newt", ""},
	} {
		if got := g.ownerOf(test.student)("read", test.answer); got != test.want {
			t.Errorf("%s answers %q: %q, want %q", test.student, test.answer, got, test.want)
		}
	}
}
