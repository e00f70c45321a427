package maild

import (
	"io"
	"testing"
	"testing/iotest"
)

// TestJoined reads two parts as one, from every offset.
func TestJoined(t *testing.T) {
	for _, parts := range [][2]string{{"head", "body"}, {"", "body"}, {"head", ""}, {"", ""}} {
		j, whole := joined{[]byte(parts[0]), []byte(parts[1])}, parts[0]+parts[1]
		if err := iotest.TestReader(io.NewSectionReader(j, 0, int64(len(whole))), []byte(whole)); err != nil {
			t.Errorf("%q: %v", parts, err)
		}
	}
}
