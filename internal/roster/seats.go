package roster

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"maillab/internal/lab/problem"
)

// Holder is who was given a seat: what a later class list knows the student by.
type Holder struct {
	Seat   int    `json:"seat"`
	Name   string `json:"name,omitempty"`
	Number string `json:"number,omitempty"`
	Email  string `json:"email,omitempty"`
}

// UnmarshalJSON takes a bare seat, too: all that is known of a student without a class list.
func (h *Holder) UnmarshalJSON(text []byte) error {
	if err := json.Unmarshal(text, &h.Seat); err == nil {
		return nil
	}
	type plain Holder
	return json.Unmarshal(text, (*plain)(h))
}

// Given are the seats that were ever given, by their students' keys. It is kept as it is, as JSON.
type Given map[string]Holder

// Seats are the seats alone.
func (g Given) Seats() map[string]int {
	seats := make(map[string]int, len(g))
	for key, h := range g {
		seats[key] = h.Seat
	}
	return seats
}

// Holding is g where running instances' seats are right: what else is known of their students stays.
func (g Given) Holding(running map[string]int) Given {
	all := maps.Clone(g)
	if all == nil {
		all = Given{}
	}
	for key, seat := range running {
		h := all[key]
		h.Seat = seat
		all[key] = h
	}
	return all
}

// Seating is a class in its seats.
type Seating struct {
	Class   Class // its students have the keys that they were given with their seats
	Given   Given // everybody ever seated, students that have left the class included
	Changed []Changed
}

// Changed is what a class list says otherwise than before of a student who was known again.
type Changed struct {
	Seat     int
	Key      string
	What     string // "name", "number" or "email"
	From, To string
}

// String is "alice (seat 1): renamed, Lefevre Zoe is Lefèvre Zoé".
func (c Changed) String() string {
	from, to := problem.Short(c.From), problem.Short(c.To)
	if c.What == "name" {
		return fmt.Sprintf("%s (seat %d): renamed, %s is %s", c.Key, c.Seat, from, to)
	}
	return fmt.Sprintf("%s (seat %d): %s %s instead of %s", c.Key, c.Seat, c.What, to, from)
}

// Seat gives every student of class a seat number from 1. A seat once given stays for life, and so does the key that went
// with it, however the name is corrected later: mail, marks and passwords hang on them. A student is known again by
// number, else by e-mail address, else by name; two with different numbers are never one by their names. Newcomers take,
// in the class's order, the smallest number that nobody has ever had. To give a leaver's seat away, delete it from
// previous first.
func Seat(previous Given, class Class) Seating { return known(previous, class.Students).seated(class) }

// Known are the keys that students have in given, "" for whom it does not have: each known as Seat knows a student again.
func Known(given Given, students []Student) []string { return known(given, students).known }

func known(given Given, students []Student) matching {
	m := matching{students: students, known: make([]string, len(students)), given: given, free: map[string]bool{}}
	for key := range given {
		m.free[key] = true
	}
	m.match(func(h Holder, _ string) string { return number(h.Number) }, func(s Student) string { return number(s.Number) }, anybody)
	m.match(func(h Holder, _ string) string { return strings.ToLower(h.Email) }, func(s Student) string { return strings.ToLower(s.Email) }, anybody)
	m.match(func(_ Holder, key string) string { return strings.ToLower(key) }, func(s Student) string { return strings.ToLower(s.Key) }, sameNumber)
	m.match(func(h Holder, _ string) string { return words(h.Name) }, func(s Student) string { return words(s.Name) }, sameNumber)
	return m
}

// matching finds the students of a class among those who have seats.
type matching struct {
	students []Student
	known    []string // the key that each student was known by, "" for a newcomer
	given    Given
	free     map[string]bool // keys of previous that are nobody's yet
}

// match makes those the same whom one thing names without doubt: one seat has it, one student has it.
func (m matching) match(ofHolder func(Holder, string) string, ofStudent func(Student) string, may func(Holder, Student) bool) {
	holders, students := map[string][]string{}, map[string][]int{}
	for key := range m.free {
		if by := ofHolder(m.given[key], key); by != "" {
			holders[by] = append(holders[by], key)
		}
	}
	for i, s := range m.students {
		if by := ofStudent(s); by != "" && m.known[i] == "" {
			students[by] = append(students[by], i)
		}
	}
	for by, keys := range holders {
		at := students[by]
		if len(keys) == 1 && len(at) == 1 && may(m.given[keys[0]], m.students[at[0]]) {
			m.known[at[0]] = keys[0]
			delete(m.free, keys[0])
		}
	}
}

func anybody(Holder, Student) bool { return true }

// sameNumber keeps homonyms apart.
func sameNumber(h Holder, s Student) bool {
	return h.Number == "" || s.Number == "" || number(h.Number) == number(s.Number)
}

// seated gives newcomers keys and seats, and keeps what is known of everybody.
func (m matching) seated(class Class) Seating {
	out := Seating{Class: class, Given: Given{}}
	out.Class.Students = slices.Clone(class.Students)
	keys := keysTaken{}
	taken := map[int]bool{}
	for key, h := range m.given {
		out.Given[key], taken[h.Seat] = h, true
		keys.take(key)
	}
	next := 1
	for i := range out.Class.Students {
		s := &out.Class.Students[i]
		was := m.given[m.known[i]]
		if s.Key = m.known[i]; s.Key == "" {
			s.Key = keys.apart(class.Students[i])
			keys.take(s.Key)
			for taken[next] {
				next++
			}
			was.Seat, taken[next] = next, true
		}
		out.Changed = append(out.Changed, changes(was, *s)...)
		out.Given[s.Key] = Holder{Seat: was.Seat, Name: cmp.Or(s.Name, was.Name), Number: cmp.Or(s.Number, was.Number), Email: cmp.Or(s.Email, was.Email)}
	}
	slices.SortFunc(out.Changed, func(a, b Changed) int { return cmp.Or(cmp.Compare(a.Seat, b.Seat), cmp.Compare(a.What, b.What)) })
	return out
}

// changes are what is said otherwise; what was not known or is not said is no change.
func changes(was Holder, s Student) (all []Changed) {
	for _, c := range []Changed{
		{What: "name", From: was.Name, To: s.Name}, {What: "number", From: was.Number, To: s.Number}, {What: "email", From: was.Email, To: s.Email},
	} {
		if c.From != "" && c.To != "" && c.From != c.To {
			c.Seat, c.Key = was.Seat, s.Key
			all = append(all, c)
		}
	}
	return all
}

// number is a student's number for comparing: spreadsheets take leading zeros away.
func number(text string) string {
	if trimmed := strings.TrimLeft(text, "0"); trimmed != "" {
		return strings.ToLower(trimmed)
	}
	return strings.ToLower(text)
}

// words is a name for comparing: its words without accents and case, in alphabetical order, so that "LEFEVRE, Zoe" and
// "Zoé Lefèvre" are the same.
func words(name string) string {
	all := strings.Fields(fold(name))
	slices.Sort(all)
	return strings.Join(all, " ")
}

// fold keeps letters and digits, in lower case and without accents; anything else is one blank.
func fold(text string) string {
	var b strings.Builder
	apart := false
	for _, c := range norm.NFD.String(text) {
		switch {
		case unicode.Is(unicode.Mn, c):
		case unicode.IsLetter(c) && c != 'º' && c != 'ª', unicode.IsDigit(c):
			if apart && b.Len() > 0 {
				b.WriteByte(' ')
			}
			apart = false
			b.WriteRune(unicode.ToLower(c))
		default:
			apart = true
		}
	}
	return b.String()
}
