package script

import (
	"strings"
	"testing"
)

func TestKept(t *testing.T) {
	var k kept
	for range 3 {
		_, _ = k.Write([]byte("short "))
	}
	if k.String() != "short short short " || k.cut {
		t.Errorf("%q", k.String())
	}
	_, _ = k.Write([]byte(strings.Repeat("x", 10*maxOutput)))
	_, _ = k.Write([]byte("the end"))
	if s := k.String(); len(s) > maxOutput+10 || !k.cut || !strings.HasPrefix(s, "short") || !strings.HasSuffix(s, "the end") {
		t.Errorf("%d octets, cut %v", len(s), k.cut)
	}
}
