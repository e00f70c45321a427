package commandline

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

// TestNews: of a program that was interrupted it is told what failed, and not what was cut short.
func TestNews(t *testing.T) {
	full := errors.New("the disk is full")
	cut := fmt.Errorf("engine docker: %w: %w", errors.New("no engine answers"), context.Canceled)
	for _, c := range []struct{ err, want error }{
		{full, full},
		{context.Canceled, nil},
		{cut, nil},
		{errors.Join(cut, context.Canceled), nil},
		{errors.Join(cut, full), full},
		{errors.Join(errors.Join(full, cut), cut), full},
		{fmt.Errorf("%w; %w", cut, full), nil},
	} {
		got := News(c.err)
		if (got == nil) != (c.want == nil) || got != nil && got.Error() != c.want.Error() {
			t.Errorf("%q: %v, not %v", c.err, got, c.want)
		}
	}
}
