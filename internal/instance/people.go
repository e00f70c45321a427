package instance

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"maillab/internal/roster"
)

// Person is a student as a teacher may name one.
type Person struct {
	Key           string
	Name          string // as the class list has it now, "" when it is not known
	Seat          int    // on a shared server, too; 0: not known
	Number, EMail string
	sandbox       int
}

// People are the students of an instance, in the order of their seats.
type People []Person

// People puts together what the labels tell (keys and seats) and what is known of the class where it was brought up: numbers and
// e-mail addresses.
func (i Instance) People(known roster.Given) People {
	var all People
	seats := i.Seats()
	for _, s := range i.Sandboxes {
		for _, key := range s.Students {
			h := known[key]
			p := Person{Key: key, Name: h.Name, Seat: s.Seat, Number: h.Number, EMail: h.Email, sandbox: s.Seat}
			if s.Seat == 0 {
				p.Seat = cmp.Or(h.Seat, seats[key])
			}
			all = append(all, p)
		}
	}
	slices.SortStableFunc(all, func(a, b Person) int { return cmp.Compare(a.Seat, b.Seat) })
	return all
}

// Ever are they, and who has left the class and still has a seat, or was forgotten by half.
func (i Instance) Ever(known roster.Given) People {
	all := i.People(known)
	shared := slices.ContainsFunc(i.Sandboxes, func(s Sandbox) bool { return s.Seat == 0 })
	for key, h := range known {
		p := Person{Key: key, Name: h.Name, Seat: h.Seat, Number: h.Number, EMail: h.Email, sandbox: h.Seat}
		if shared {
			p.sandbox = 0
		}
		if !slices.ContainsFunc(all, func(other Person) bool { return other.Key == key }) {
			all = append(all, p)
		}
	}
	slices.SortStableFunc(all, func(a, b Person) int { return cmp.Compare(a.Seat, b.Seat) })
	return all
}

// Seat is a student's; what is known of somebody whom nobody knows is the sandbox.
func (all People) Seat(key string, s Sandbox) int {
	for _, p := range all {
		if p.Key == key {
			return p.Seat
		}
	}
	return s.Seat
}

// names are what a student is called: the key, and the name, which may have been corrected since.
func (p Person) names() []string { return []string{fold(p.Key), fold(p.Name)} }

// Find finds who was meant: a key, a name, a number, an e-mail address, a seat, several seats (2-4), or how a key, a name or
// a word of them begins. Case and accents do not count, but a word that is there exactly is meant before those that only begin with it. Of
// several who may be meant none is.
func (all People) Find(typed string) (People, error) {
	text := fold(typed)
	if text == "" {
		return nil, errors.New("has no student without a name")
	}
	begins := func(name string) bool { return strings.HasPrefix(name, text) }
	for _, is := range []func(Person) bool{
		func(p Person) bool { return p.Key == typed },
		func(p Person) bool {
			return slices.Contains(p.names(), text) || fold(p.Number) == text || fold(p.EMail) == text || p.Seat > 0 && strconv.Itoa(p.Seat) == text
		},
		func(p Person) bool { return slices.ContainsFunc(p.names(), begins) },
		func(p Person) bool { return slices.ContainsFunc(strings.Fields(strings.Join(p.names(), " ")), begins) },
	} {
		var found People
		for _, p := range all {
			if is(p) {
				found = append(found, p)
			}
		}
		switch {
		case len(found) == 1:
			return found, nil
		case len(found) > 1:
			return nil, fmt.Errorf("has several students whom %q may mean: %s", typed, found.names())
		}
	}
	if found := all.between(typed); len(found) > 0 {
		return found, nil
	}
	return nil, fmt.Errorf("has no student %q: %s", typed, all.names())
}

// between are the students of a range of seats, such as 2-4.
func (all People) between(typed string) (found People) {
	from, to, ok := strings.Cut(typed, "-")
	low, err1 := strconv.Atoi(from)
	high, err2 := strconv.Atoi(to)
	for _, p := range all {
		if ok && err1 == nil && err2 == nil && p.Seat >= max(low, 1) && p.Seat <= high {
			found = append(found, p)
		}
	}
	return found
}

// mostNames is how many candidates a message names.
const mostNames = 12

func (all People) names() string {
	var names []string
	for _, p := range all {
		if len(names) == mostNames {
			names = append(names, fmt.Sprintf("and %d more", len(all)-mostNames))
			break
		}
		name := p.Key
		if p.Seat > 0 {
			name += fmt.Sprintf(" (seat %d)", p.Seat)
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

// fold is text without case and accents.
func fold(text string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFD.String(strings.TrimSpace(text))))
}

// Chosen are some of an instance's sandboxes, and of a shared one some of its students.
type Chosen struct {
	Sandboxes []Sandbox
	People    People // who is meant, in the order of their seats
	some      bool   // somebody was named
}

// Choose finds everybody who was named, each once; all of them when nobody is.
func (i Instance) Choose(people People, typed []string) (Chosen, error) {
	if len(typed) == 0 {
		return Chosen{Sandboxes: i.Sandboxes, People: people}, nil
	}
	meant, wrong := map[string]bool{}, []error(nil)
	for _, t := range typed {
		found, err := people.Find(t)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s %w", i.Name, err))
		}
		for _, p := range found {
			meant[p.Key] = true
		}
	}
	c := Chosen{some: true}
	for _, p := range people {
		if meant[p.Key] {
			c.People = append(c.People, p)
		}
	}
	for _, s := range i.Sandboxes {
		if len(c.In(s)) > 0 {
			c.Sandboxes = append(c.Sandboxes, s)
		}
	}
	return c, errors.Join(wrong...)
}

// Of are the students of a sandbox who are meant; of a shared one nil when all are, which a sandbox is told as everybody.
func (c Chosen) Of(s Sandbox) []string {
	if s.Seat != 0 || !c.some {
		return nil
	}
	return c.Students(s)
}

// In are those of a sandbox who are meant.
func (c Chosen) In(s Sandbox) (people People) {
	for _, p := range c.People {
		if p.sandbox == s.Seat {
			people = append(people, p)
		}
	}
	return people
}

// Students are the keys of those of a sandbox who are meant.
func (c Chosen) Students(s Sandbox) (keys []string) {
	for _, p := range c.In(s) {
		keys = append(keys, p.Key)
	}
	return keys
}

// Keys are the students who are meant.
func (c Chosen) Keys() (keys []string) {
	for _, p := range c.People {
		keys = append(keys, p.Key)
	}
	return keys
}

// All tells whether nobody was named.
func (c Chosen) All() bool { return !c.some }

// mostNamed is how many students a question names.
const mostNamed = 5

// Meant is who they are, for a question: "seat 1, alice".
func (c Chosen) Meant() string {
	switch n := len(c.People); {
	case n == 1 && c.People[0].Seat > 0:
		return fmt.Sprintf("seat %d, %s", c.People[0].Seat, c.People[0].called())
	case n == 1:
		return c.People[0].called()
	case !c.some:
		return fmt.Sprintf("all %d students", n)
	case n > mostNamed:
		return fmt.Sprintf("%d students, %s and others", n, c.People[0].called())
	}
	return c.People.names()
}

// called is the key, with the name where the key says another.
func (p Person) called() string {
	if !roster.Says(p.Key, p.Name) {
		return fmt.Sprintf("%s (%s)", p.Key, p.Name)
	}
	return p.Key
}

// Called is what people call each of them, by their keys: no two alike.
func (all People) Called() map[string]string {
	var students []roster.Student
	for _, p := range all {
		students = append(students, roster.Student{Key: p.Key, Name: p.Name, Number: p.Number, Email: p.EMail})
	}
	return roster.Called(students)
}
