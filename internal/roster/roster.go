// Package roster reads class lists as registrars and Moodle send them, says who is who, and gives students their seats. It
// is pure.
//
// A list is a table (package sheet: CSV, XLSX, ODS) with a header row, which need not be the first: it is the one that is
// understood best. The columns' names are understood by the table in columns.go, which docs/teachers.md shows; Options.Map
// says what the table does not. Everything else is a field that a lab can name as {COLUMN}, in lower case; what is
// understood is a field under its own name, too: {number}, {email}, {name}, {group}, {username}, {lang}.
//
// A student is known by number, else by e-mail address, else by name. A student's key is what command lines, labels and
// files call the student: the column `key`, else the name, else the address up to the @, else the number, each without
// what separates or cannot be printed. Students of one name have their number (else the address up to the @) behind it.
// A key that was given with a seat stays (Seat).
//
// What an instance keeps of its class is Class.CSV: one more such list, in UTF-8 with commas, whose first columns are the
// fields above.
package roster

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"maps"
	"slices"
)

// Class is the students of a roster, in its order.
type Class struct {
	File     string   // the list's name, for messages; "" when there is none
	Columns  []string // of the list, in lower case
	Students []Student
}

// Student is one row.
type Student struct {
	Key    string            // what the student is called: unique in the class, also when case is ignored
	Name   string            // as the list has it
	Number string            // the student's number, "" when there is none
	Email  string            // the e-mail address, "" when there is none
	Fields map[string]string // all columns by their lower-case names, and what is understood by its own
	Lang   string            // "fr", "en" or "", which is the lab's own
	Line   int               // in the list, from 1; 0 when there is none
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

// CSV is the class as a list that Read reads as the same class, whatever it was read from and with which options.
func (c Class) CSV() []byte {
	header := []string{fieldKey, fieldName}
	for _, field := range []string{fieldNumber, fieldEmail, fieldLogin, fieldGroup, fieldLang} {
		// One that nobody has is there, too, when another column would be taken for it.
		if c.HasColumn(field) || understand(c.Columns, nil).of[field] != nil {
			header = append(header, field)
		}
	}
	for _, column := range c.Columns {
		if column != "" && !slices.Contains(header, column) {
			header = append(header, column)
		}
	}
	var b bytes.Buffer
	out := csv.NewWriter(&b)
	_ = out.Write(header) // a buffer takes everything
	for _, s := range c.Students {
		row := []string{s.Key, s.Name}
		for _, column := range header[len(row):] {
			row = append(row, s.Fields[column])
		}
		_ = out.Write(row)
	}
	out.Flush()
	return b.Bytes()
}

// Without is the class without the student with a key.
func (c Class) Without(key string) Class {
	c.Students = slices.DeleteFunc(slices.Clone(c.Students), func(s Student) bool { return s.Key == key })
	return c
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

// ColumnNames are the columns that students have, sorted.
func (c Class) ColumnNames() []string {
	names := map[string]bool{}
	for _, s := range c.Students {
		for name := range s.Fields {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
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
