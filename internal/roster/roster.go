// Package roster reads class lists and gives students their seats. It is pure.
//
// A roster is CSV as registrars export it: comma or semicolon, UTF-8 (with or without BOM) or Latin-1 (taken as
// Windows-1252, its superset), quotes as in RFC 4180, and a header row. The column `name` is a student's key, less
// commas, semicolons and quotes; without it, Nom and Prénom (Lastname and Firstname) make up a name. `lang` is the
// student's language, fr or en; every other column is a field that a lab can name as {COLUMN}. Column names are trimmed
// and lower-cased, values are trimmed, text is put into Unicode's composed form (NFC), so that the same list exported by
// another program is the same class.
package roster

import "fmt"

// Class is the students of a roster, in its order.
type Class struct {
	File     string // the roster's name, for messages; "" when there is none
	Students []Student
}

// Student is one row.
type Student struct {
	Key    string            // what the student is called: unique in the class, also when case is ignored
	Name   string            // as the list has it
	Number string            // the student's number, "" when there is none
	Email  string            // the e-mail address, "" when there is none
	Fields map[string]string // the other columns by their lower-case names, `lang` and `name` included
	Lang   string            // "fr", "en" or "", which is the lab's own
	Line   int               // in the roster, from 1; 0 when there is none
}

// Count is a class of n students without a roster: student01, student02, … The width does not follow n, so that the
// first thirty of a hundred have the names that they had in a class of thirty.
func Count(n int) Class {
	var class Class
	for i := range max(n, 0) {
		key := fmt.Sprintf("student%02d", i+1)
		class.Students = append(class.Students, Student{Key: key, Name: key, Fields: map[string]string{"name": key}})
	}
	return class
}

// Alone is the class of its first student, who is spoken to in the lab's language: whoever has a server for himself is
// not the one that an example's first row tells of.
func (c Class) Alone() Class {
	s := c.Students[0]
	s.Lang = ""
	return Class{File: c.File, Students: []Student{s}}
}

// Find returns the student with a key.
func (c Class) Find(key string) (Student, bool) {
	for _, s := range c.Students {
		if s.Key == key {
			return s, true
		}
	}
	return Student{}, false
}

// HasColumn says whether any student has a column of this (lower-case) name.
func (c Class) HasColumn(name string) bool {
	for _, s := range c.Students {
		if _, ok := s.Fields[name]; ok {
			return true
		}
	}
	return false
}

// Seats gives every student of class a seat number from 1. A seat once given stays for life: the result holds all of
// previous, students that have left the class included, and newcomers take, in roster order, the smallest number that
// nobody has ever had. To give a leaver's number away, delete it from previous first.
func Seats(previous map[string]int, class Class) map[string]int {
	seats := make(map[string]int, len(previous)+len(class.Students))
	taken := make(map[int]bool, len(previous))
	for key, seat := range previous {
		seats[key], taken[seat] = seat, true
	}
	next := 1
	for _, s := range class.Students {
		if _, has := seats[s.Key]; has {
			continue
		}
		for taken[next] {
			next++
		}
		seats[s.Key], taken[next] = next, true
	}
	return seats
}
