package engine

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSortIsTheOrderOfCreation(t *testing.T) {
	rs := []Resource{
		{Kind: Sandbox, Instance: "a", Seat: 10}, {Kind: Sandbox, Instance: "a", Seat: 2},
		{Kind: Volume, Instance: "a", Seat: 2, Part: "mail"}, {Kind: Volume, Instance: "a", Seat: 2, Part: "home"},
		{Kind: Gateway, Instance: "a"}, {Kind: Socket, Instance: "b"}, {Kind: Socket, Instance: "a"},
		{Kind: Image, Image: &ImageSpec{Tag: "maillab/sandbox:1"}},
	}
	Sort(rs)
	var got []string
	for _, r := range rs {
		got = append(got, r.Instance+" "+r.ID())
	}
	want := []string{
		" image maillab/sandbox:1", "a socket", "a gateway", "a volume 2 home", "a volume 2 mail", "a sandbox 2",
		"a sandbox 10", "b socket",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}
