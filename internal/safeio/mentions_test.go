package safeio

import (
	"strings"
	"testing"
	"testing/iotest"
)

// TestMentions: a word is found wherever it stands, across pieces too, and read to the end; what is not there is not.
func TestMentions(t *testing.T) {
	far := strings.Repeat("x", 64<<10-2)
	for text, want := range map[string]bool{"": false, "Carol Martin": true, "carol": false, far + "CAROL martin" + far: true, far + far: false, "carol  martin": false} {
		if got, err := Mentions(iotest.HalfReader(strings.NewReader(text)), []string{"carol martin", ""}); got != want || err != nil {
			t.Errorf("%.20q…: %v, %v", text, got, err)
		}
	}
	if _, err := Mentions(iotest.TimeoutReader(strings.NewReader(far+far)), []string{"x"}); err == nil {
		t.Error("a stream that breaks is read to its end")
	}
}
