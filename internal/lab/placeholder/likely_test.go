package placeholder

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLikely(t *testing.T) {
	for text, want := range map[string][]string{
		"to {acount2} and {acount2} of {student}":           {"acount2", "student"},
		`${HOME} $ {x} \p{L}\P{Greek}\x{41} a{3} b{2,5}`:    {"x"},
		"{{brace} {a,b} {} {a b} {{{real}} {1st} f() {x; }": {"real"},
	} {
		if diff := cmp.Diff(want, Likely(text)); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
}
