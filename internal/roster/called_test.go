package roster

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestCalled: who has a name alone is called by it; homonyms are told apart by number, else address, else key, however their names
// are spelled.
func TestCalled(t *testing.T) {
	got := Called([]Student{
		{Key: "Martin Léa 2", Name: "Martin Léa", Number: "2", Email: "lea@x.example"}, {Key: "Martin Léa 3", Name: "MARTIN Lea", Number: "3"},
		{Key: "lea", Name: "Léa Martin", Email: "lea@y.example"}, {Key: "fourth", Name: "Martin, Léa"},
		{Key: "D'Arc Jeanne", Name: "D'Arc, Jeanne", Number: "4"}, {Key: "student01"},
	})
	want := map[string]string{"Martin Léa 2": "Martin Léa (2)", "Martin Léa 3": "MARTIN Lea (3)", "lea": "Léa Martin (lea@y.example)", "fourth": "Martin, Léa (fourth)",
		"D'Arc Jeanne": "D'Arc, Jeanne", "student01": "student01"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSays(t *testing.T) {
	for _, c := range []struct {
		key, name string
		want      bool
	}{
		{"Martin Léa 20901202", "Martin Léa", true}, {"D'Arc Jeanne", "D'Arc, Jeanne", true}, {"Lefevre Zoe", "Lefèvre Zoé", true}, {"alice", "", true},
		{"Lefèvre Zoé", "Lefèvre-Durand Zoé", false}, {"zl", "Zoé Lefèvre", false},
	} {
		if got := Says(c.key, c.name); got != c.want {
			t.Errorf("%s, %s: %v", c.key, c.name, got)
		}
	}
}
