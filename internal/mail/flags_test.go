package mail

import (
	"slices"
	"testing"
)

func TestApply(t *testing.T) {
	const own = Deleted << 1 // a bit that belongs to who keeps the flags
	had := []string{"$Later", "Work"}
	for _, c := range []struct {
		name     string
		change   FlagChange
		flags    Flags
		keywords []string
	}{
		{"set", FlagChange{Op: SetFlags, Flags: Draft | own<<1, Keywords: []string{"b", "a", "B"}}, Draft | own, []string{"a", "b"}},
		{"set none", FlagChange{Op: SetFlags}, own, nil},
		{"add", FlagChange{Op: AddFlags, Flags: Flagged, Keywords: []string{"work", "a"}}, Seen | Flagged | own, []string{"$Later", "Work", "a"}},
		{"remove", FlagChange{Op: RemoveFlags, Flags: Seen | Draft, Keywords: []string{"WORK"}}, own, []string{"$Later"}},
		{"remove own", FlagChange{Op: RemoveFlags, Flags: own}, Seen | own, had},
	} {
		flags, keywords := c.change.Apply(Seen|own, had)
		if flags != c.flags || !slices.Equal(keywords, c.keywords) {
			t.Errorf("%s: %v %q; want %v %q", c.name, flags, keywords, c.flags, c.keywords)
		}
	}
	if !slices.Equal(had, []string{"$Later", "Work"}) {
		t.Errorf("the keywords given are %q now", had)
	}
}
