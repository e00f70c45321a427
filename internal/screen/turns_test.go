package screen

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
)

// TestTurns: whatever the order in which they write and end, what they wrote stands in their own order.
func TestTurns(t *testing.T) {
	for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 2, 0}, {2, 0, 1}} {
		var out bytes.Buffer
		all := NewTurns(&out, 3)
		for _, n := range order {
			fmt.Fprintf(all.Writer(n), "a%d ", n)
		}
		for _, n := range order {
			fmt.Fprintf(all.Writer(n), "b%d ", n)
			if err := all.Writer(n).Close(); err != nil {
				t.Fatal(err)
			}
		}
		if got := out.String(); got != "a0 b0 a1 b1 a2 b2 " {
			t.Errorf("%v: %q", order, got)
		}
	}
}

// TestTurnsAreStraight: the first does not wait for its end to be seen.
func TestTurnsAreStraight(t *testing.T) {
	var out bytes.Buffer
	all := NewTurns(&out, 2)
	_, _ = io.WriteString(all.Writer(0), "now")
	if out.String() != "now" {
		t.Errorf("%q", out.String())
	}
}

// TestTurnsAreBounded: who has much to say before its turn waits, and goes on when it comes.
func TestTurnsAreBounded(t *testing.T) {
	var out bytes.Buffer
	all := NewTurns(&out, 2)
	line := strings.Repeat("x", turnMost/4)
	var second sync.WaitGroup
	second.Go(func() {
		for range 9 {
			_, _ = io.WriteString(all.Writer(1), line)
		}
		_ = all.Writer(1).Close()
	})
	_, _ = io.WriteString(all.Writer(0), "first")
	if err := all.Writer(0).Close(); err != nil {
		t.Fatal(err)
	}
	second.Wait()
	if got := out.String(); got != "first"+strings.Repeat(line, 9) {
		t.Errorf("%d octets", len(got))
	}
}
