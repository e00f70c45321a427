package instance

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/engine"
)

func seats(from, to int) (all []int) {
	for n := from; n <= to; n++ {
		all = append(all, n)
	}
	return all
}

// TestPlace: seats keep their ports, a class grows where there is room, and what outgrows its block begins another.
func TestPlace(t *testing.T) {
	on := wish().Specs[0].Services
	for _, test := range []struct {
		name  string
		seats []int
		have  []Block
		taken func(port int) bool
		limit int
		want  []Block
	}{
		{"the first", seats(1, 7), nil, nil, 32768, []Block{{10000, 1}}},
		{"a shared one", []int{0}, nil, nil, 32768, []Block{{10000, 1}}},
		{"the second begins at the next thousand", seats(1, 7), nil, func(p int) bool { return p < 10800 }, 32768, []Block{{11000, 1}}},
		{"a large one begins where one ends", seats(1, 70), nil, func(p int) bool { return p < 17100 }, 32768, []Block{{17000, 1}}},
		{"it stays where it is", seats(1, 7), []Block{{13000, 1}}, nil, 32768, []Block{{13000, 1}}},
		{"it grows where it is", seats(1, 25), []Block{{13000, 1}}, nil, 32768, []Block{{13000, 1}}},
		{"it outgrows its block", seats(1, 14), []Block{{10000, 1}}, func(p int) bool { return p >= 11000 && p < 12500 }, 32768,
			[]Block{{10000, 1}, {13000, 10}}},
		{"it has two blocks", seats(1, 14), []Block{{10000, 1}, {13000, 10}}, func(p int) bool { return p >= 11000 && p < 12500 }, 32768,
			[]Block{{10000, 1}, {13000, 10}}},
		{"and grows in the second", seats(1, 19), []Block{{10000, 1}, {13000, 10}}, func(p int) bool { return p >= 11000 && p < 12500 }, 32768,
			[]Block{{10000, 1}, {13000, 10}}},
		{"its second block is another's", seats(1, 14), []Block{{10000, 1}, {13000, 10}}, func(p int) bool { return p >= 11000 && p < 14000 }, 32768,
			[]Block{{10000, 1}, {14000, 10}}},
		{"in pieces where there is no whole", seats(1, 18), nil, func(p int) bool { return p/1000%2 == 1 }, 14000, []Block{{10000, 1}, {12000, 10}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			room := Room{Limit: test.limit, Free: func(listen string) error {
				if test.taken != nil && test.taken(portOf(listen)) {
					return errors.New("taken")
				}
				return nil
			}}
			p, err := Publishing{Mode: "ports", Listen: "127.0.0.1"}.Place(test.seats, on, test.have, 10000, false, room)
			if diff := cmp.Diff(test.want, p.Blocks); diff != "" || err != nil {
				t.Error(diff, err)
			}
		})
	}
}

// TestNoRoom: who does not fit is told how many do, and what to give instead.
func TestNoRoom(t *testing.T) {
	on := wish().Specs[0].Services
	p := Publishing{Mode: "ports", Listen: "127.0.0.1"}
	for _, test := range []struct {
		students, base int
		only           bool
		want           string
	}{
		{300, 10000, false, "this machine's ephemeral range starts at 32768, and a class of 300 wants its ports below it: from 10000 on at most 226 fit: --base 2000 has room for all"},
		{300, 10000, true, "from 10000 on at most 226 fit: --base 2000 has room for all"},
		{30, 31000, true, "from 31000 on at most 16 fit: --base 29000 has room for all"},
		{400, 10000, false, "from 10000 on at most 226 fit: publish mode addresses"},
	} {
		_, err := p.Place(seats(1, test.students), on, nil, test.base, test.only, Room{Limit: 32768})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%d from %d: %v", test.students, test.base, err)
		}
	}
	_, err := p.Place(seats(1, 3), on, nil, 10000, false, Room{Limit: 32768, Free: func(string) error { return errors.New("somebody listens there") }})
	if err == nil || !strings.Contains(err.Error(), "seat 1: 127.0.0.1:10122 for ssh: somebody listens there") {
		t.Errorf("nothing free: %v", err)
	}
	_, err = p.Place(seats(1, 3), on, nil, 10000, true, Room{Limit: 32768, Free: func(at string) error {
		if at == "127.0.0.1:10243" {
			return errors.New("somebody listens there")
		}
		return nil
	}})
	if err == nil || !strings.Contains(err.Error(), "seat 2: 127.0.0.1:10243 for imap: somebody listens there") {
		t.Errorf("one port of a base that was asked for: %v", err)
	}
}

// TestASecondInstanceBlocksNobody: the first grows, the second grows, and no two doors are the same.
func TestASecondInstanceBlocksNobody(t *testing.T) {
	on := wish().Specs[0].Services
	blocks, sizes := map[string][]Block{}, map[string]int{}
	for round := range 6 {
		for _, name := range []string{"monday", "tuesday", "wednesday"} {
			sizes[name] += 5 + round
			used := map[string]bool{}
			for other, size := range sizes {
				for _, seat := range seats(1, size) {
					doors, err := Publishing{Mode: "ports", Listen: "127.0.0.1", Blocks: blocks[other]}.doors(seat, on)
					if err != nil {
						t.Fatal(err)
					}
					for _, d := range doors {
						used[d.Listen] = used[d.Listen] || other != name
					}
				}
			}
			p, err := Publishing{Mode: "ports", Listen: "127.0.0.1"}.Place(seats(1, sizes[name]), on, blocks[name], 10000, false, Room{Limit: 32768, Free: func(at string) error {
				if used[at] {
					return fmt.Errorf("another's")
				}
				return nil
			}})
			if err != nil {
				t.Fatalf("%s with %d: %v", name, sizes[name], err)
			}
			if before := blocks[name]; len(before) > 0 && !slices.Equal(before, p.Blocks[:len(before)]) {
				t.Errorf("%s has moved from %v to %v", name, before, p.Blocks)
			}
			blocks[name] = p.Blocks
		}
	}
}

// TestClaims: what others claim is theirs, but for what both claim and who gives way.
func TestClaims(t *testing.T) {
	claim := func(name string, minute int, built bool) Instance {
		i := Of(desire(t, wish(), can()).Resources)[0]
		i.Name, i.Created = name, wish().Created.AddDate(0, 0, 0).Add(minuteOf(minute))
		for seat, c := range i.Claims {
			c.Built = built
			i.Claims[seat] = c
		}
		return i
	}
	for _, test := range []struct {
		name        string
		mine, other Instance
		yields      bool
	}{
		{"he came first", claim("b", 1, false), claim("a", 0, false), true},
		{"I came first", claim("b", 0, false), claim("a", 1, false), false},
		{"at the same time: by name", claim("b", 0, false), claim("a", 0, false), true},
		{"I came first, but he has built", claim("b", 0, false), claim("a", 1, true), true},
		{"both have built: who came first stays", claim("b", 0, true), claim("a", 1, true), false},
		{"both have built: who came second goes", claim("b", 1, true), claim("a", 0, true), true},
		{"he has not built and came first", claim("b", 1, true), claim("a", 0, false), true},
	} {
		o := test.mine.Others([]Instance{test.mine, test.other})
		if got := o.Door("127.0.0.1:10125") != ""; got != test.yields {
			t.Errorf("%s: the door is another's: %v", test.name, got)
		}
		ranges := test.mine.UIDs([]int{1, 3}, o)
		if got := ranges[1] != 100000; got != test.yields {
			t.Errorf("%s: uids %v", test.name, ranges)
		}
	}
	o := Instance{Name: "new"}.Others([]Instance{claim("a", 0, true)})
	if o.Door("0.0.0.0:10125") != "a" || o.Door("127.0.0.2:10125") != "" || o.Door("0.0.0.0:10126") != "" {
		t.Error("who listens everywhere is in everybody's way, and in nobody else's")
	}
	if diff := cmp.Diff(map[int]int{1: 102000, 2: 103000}, Instance{Name: "new"}.UIDs([]int{1, 2}, o)); diff != "" {
		t.Error(diff)
	}
}

func minuteOf(n int) time.Duration { return time.Duration(n) * time.Minute }
func can() engine.Capabilities     { return engine.Capabilities{System: true} }
