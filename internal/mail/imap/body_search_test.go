package imap

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/mail/imap/syntax"
)

func TestContains(t *testing.T) {
	long := strings.Repeat("x", 3*scanPiece)
	for _, tt := range []struct {
		text, needle string
		want         bool
	}{
		{"Hello", "hello", true}, {"ÉTÉ", "été", true}, {"ete", "été", false}, {long + "AbC", "abc", true},
		{long[:scanPiece-1] + "abc", "abc", true}, {long[:scanPiece-1] + "ÉTÉ", "été", true}, {long[:scanPiece-2] + "ÉTÉ" + long, "été", true},
		{"a\xe9", "aé", true}, {"", "a", false}, {"aab", "ab", true},
	} {
		for _, r := range []int{1, 7, 1 << 20} {
			if got, err := contains(&stutter{tt.text, r}, syntax.Fold(tt.needle), make([]byte, scanPiece)); got != tt.want || err != nil {
				t.Errorf("%.10q %q by %d: got %v, %v", tt.text, tt.needle, r, got, err)
			}
		}
	}
	if diff := cmp.Diff("a b", syntax.Fold("A B")); diff != "" {
		t.Error(diff)
	}
}
