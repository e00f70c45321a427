package docker

import (
	"context"
	"testing"
)

func TestLastWords(t *testing.T) {
	e, ctx := open(t), context.Background()
	up(t, e, "words", 1)
	said := ""
	for said == "" { // it has begun, and says so soon
		var err error
		if said, err = e.LastWords(ctx, instanceName("words"), 1, 5); err != nil {
			t.Fatal(err)
		}
	}
	if said != "listening" {
		t.Errorf("it said %q", said)
	}
	if said, err := e.LastWords(ctx, instanceName("words"), 9, 5); err == nil {
		t.Errorf("seat 9 said %q", said)
	}
}
