package instance

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/engine"
	"maillab/internal/roster"
)

// TestFind: one table of what teachers type, for sandboxes of their own and for a shared server.
func TestFind(t *testing.T) {
	class, _, err := roster.Read("class.csv", strings.NewReader("name;number;email\nLefèvre Zoé;21900001;zoe.lefevre@u.fr\nLefort Anna;21900002;anna@u.fr\n"+
		"Annabelle;21900003;ab@u.fr\nÉmile;4;emile@u.fr\nanna;21900005;a2@u.fr\n"), roster.Options{})
	if err != nil {
		t.Fatal(err)
	}
	given := roster.Seat(nil, class).Given
	seats := given.Seats()
	isolated, shared := Instance{Name: "i"}, Instance{Name: "s", Sandboxes: []Sandbox{{Seat: 0}}}
	for _, s := range class.Students {
		isolated.Sandboxes = append(isolated.Sandboxes, Sandbox{Seat: seats[s.Key], Students: []string{s.Key}})
		shared.Sandboxes[0].Students = append(shared.Sandboxes[0].Students, s.Key)
	}
	for _, test := range []struct {
		typed string
		want  []string
		wrong string
	}{
		{typed: "Lefèvre Zoé", want: []string{"Lefèvre Zoé"}},
		{typed: "lefevre zoe", want: []string{"Lefèvre Zoé"}},
		{typed: "LEFÈV", want: []string{"Lefèvre Zoé"}},
		{typed: "Lefèvre", want: []string{"Lefèvre Zoé"}},
		{typed: "zoe", want: []string{"Lefèvre Zoé"}},
		{typed: "lef", wrong: `"lef" may mean: Lefèvre Zoé (seat 1), Lefort Anna (seat 2)`},
		{typed: "anna", want: []string{"anna"}},
		{typed: "annab", want: []string{"Annabelle"}},
		{typed: "ann", wrong: `"ann" may mean: Annabelle (seat 3), anna (seat 5)`},
		{typed: "21900002", want: []string{"Lefort Anna"}},
		{typed: "AB@u.fr", want: []string{"Annabelle"}},
		{typed: "3", want: []string{"Annabelle"}},
		{typed: "emile", want: []string{"Émile"}},
		{typed: "2-4", want: []string{"Lefort Anna", "Annabelle", "Émile"}},
		{typed: "4-9", want: []string{"Émile", "anna"}},
		{typed: "7-9", wrong: `has no student "7-9"`},
		{typed: "0", wrong: `has no student "0"`},
		{typed: "", wrong: "without a name"},
		{typed: "chloe", wrong: `has no student "chloe": Lefèvre Zoé (seat 1), Lefort`},
	} {
		for _, i := range []Instance{isolated, shared} {
			found, err := i.People(given).Find(test.typed)
			var keys []string
			for _, p := range found {
				keys = append(keys, p.Key)
			}
			if diff := cmp.Diff(test.want, keys); diff != "" || (err != nil) != (test.wrong != "") || err != nil && !strings.Contains(err.Error(), test.wrong) {
				t.Errorf("%s: %q: %s%v", i.Name, test.typed, diff, err)
			}
		}
	}
	// Where the folder is gone, keys and seats still are.
	if found, err := isolated.People(nil).Find("3"); err != nil || found[0].Key != "Annabelle" {
		t.Errorf("%v, %v", found, err)
	}
	// Who was renamed is found by the old name and the new one.
	emile := given["Émile"]
	emile.Name = "Émile Öztürk"
	given["Émile"] = emile
	for _, typed := range []string{"emile", "Émile Öztürk", "ozturk", "emile oz"} {
		if found, err := isolated.People(given).Find(typed); err != nil || found[0].Key != "Émile" {
			t.Errorf("renamed, %q: %v, %v", typed, found, err)
		}
	}
	// A number that is another's seat is nobody's.
	zoe := given["Lefèvre Zoé"]
	zoe.Number = "2"
	given["Lefèvre Zoé"] = zoe
	if _, err := isolated.People(given).Find("2"); err == nil || !strings.Contains(err.Error(), "may mean") {
		t.Errorf("a number and a seat: %v", err)
	}
}

// TestChoose: everybody once, sandboxes by their seats, and of a shared one only who was named.
func TestChoose(t *testing.T) {
	i := Instance{Name: "s", Sandboxes: []Sandbox{{Seat: 0, Students: []string{"a", "b", "c"}}}}
	people := i.People(roster.Given{"a": {Seat: 1}, "b": {Seat: 2}, "c": {Seat: 3}})
	c, err := i.Choose(people, []string{"3", "a", "a"})
	if diff := cmp.Diff([]string{"a", "c"}, c.Of(i.Sandboxes[0])); diff != "" || err != nil || len(c.Sandboxes) != 1 {
		t.Error(diff, err)
	}
	if got := c.Meant(); got != "a (seat 1), c (seat 3)" {
		t.Errorf("a question is about %s", got)
	}
	c, err = i.Choose(people, nil)
	if c.Of(i.Sandboxes[0]) != nil || err != nil || len(c.Keys()) != 3 {
		t.Errorf("%v, %v", c, err)
	}
	if _, err := i.Choose(people, []string{"x", "a", "y"}); err == nil || strings.Count(err.Error(), "no student") != 2 {
		t.Errorf("both wrong words are told: %v", err)
	}
}

// TestMeant: what a question says that it is about.
func TestMeant(t *testing.T) {
	i, given := Instance{Name: "i"}, roster.Given{}
	for seat, key := range []string{"alice", "bob", "chloe", "dan", "eve", "fay"} {
		i.Sandboxes = append(i.Sandboxes, Sandbox{Seat: seat + 1, Students: []string{key}})
		given[key] = roster.Holder{Seat: seat + 1}
	}
	for typed, want := range map[string]string{
		"":    "all 6 students",
		"1":   "seat 1, alice",
		"2 3": "bob (seat 2), chloe (seat 3)",
		"1-6": "6 students, alice and others",
	} {
		c, err := i.Choose(i.People(given), strings.Fields(typed))
		if err != nil || c.Meant() != want {
			t.Errorf("%q: %q, %v; want %q", typed, c.Meant(), err, want)
		}
	}
	given["bob"] = roster.Holder{Seat: 2, Name: "Robert"}
	c, err := i.Choose(i.People(given), []string{"rob"})
	if err != nil || c.Meant() != "seat 2, bob (Robert)" {
		t.Errorf("renamed: %q, %v", c.Meant(), err)
	}
}

// TestHomonymsAreToldApart: a question names who is told apart by the key, and says no name a second time; people are called by
// no name that two of them have.
func TestHomonymsAreToldApart(t *testing.T) {
	i := Instance{Name: "monday", Sandboxes: []Sandbox{{Seat: 1, Students: []string{"Martin Léa 7"}}, {Seat: 2, Students: []string{"Martin Léa 8"}}, {Seat: 3, Students: []string{"D'Arc Jeanne"}}}}
	people := i.People(roster.Given{"Martin Léa 7": {Seat: 1, Name: "Martin Léa", Number: "7"}, "Martin Léa 8": {Seat: 2, Name: "Martin Léa", Number: "8"},
		"D'Arc Jeanne": {Seat: 3, Name: "D'Arc, Jeanne"}})
	for typed, want := range map[string]string{"7": "seat 1, Martin Léa 7", "3": "seat 3, D'Arc Jeanne"} {
		if c, err := i.Choose(people, []string{typed}); err != nil || c.Meant() != want {
			t.Errorf("%q, %v; want %q", c.Meant(), err, want)
		}
	}
	called := people.Called()
	if called["Martin Léa 7"] != "Martin Léa (7)" || called["Martin Léa 8"] != "Martin Léa (8)" || called["D'Arc Jeanne"] != "D'Arc, Jeanne" {
		t.Error(called)
	}
}

// TestSharedSeats: the labels of a shared server tell everybody's seat, for who has no more than them.
func TestSharedSeats(t *testing.T) {
	label := Wish{Students: map[int][]string{0: {"zoe", "abel"}}, Seats: map[string]int{"zoe": 2, "abel": 5}}.students(0)
	resources := []engine.Resource{{Kind: engine.Sandbox, Instance: "s", Labels: map[string]string{engine.LabelTopology: "shared", engine.LabelStudent: label}}}
	people := Of(resources)[0].People(nil)
	if len(people) != 2 || people[0].Key != "zoe" || people[0].Seat != 2 || people[1].Key != "abel" || people[1].Seat != 5 {
		t.Errorf("%q: %+v", label, people)
	}
	if found, err := people.Find("5"); err != nil || found[0].Key != "abel" {
		t.Error(found, err)
	}
}

// TestOrder: the students of a shared server are in the order of their seats, whatever that of its label.
func TestOrder(t *testing.T) {
	i := Instance{Name: "s", Sandboxes: []Sandbox{{Seat: 0, Students: []string{"a", "b", "c"}}}}
	c, err := i.Choose(i.People(roster.Given{"a": {Seat: 3}, "b": {Seat: 1}, "c": {Seat: 2}}), nil)
	if diff := cmp.Diff([]string{"b", "c", "a"}, c.Students(i.Sandboxes[0])); diff != "" || err != nil {
		t.Error(diff, err)
	}
}
