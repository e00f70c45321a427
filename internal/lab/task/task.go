// Package task is what a lab asks of a student: tasks with points, hints and checks, as values. The lab file's YAML is
// decoded into these types by package lab, which validates them; a sandbox gets them, with placeholders filled in, as
// JSON: the spec's Tasks is a list of Sheets. Evaluating a check over evidence is not done here.
//
// A Pattern is an RE2 regular expression that has to match somewhere in the text (write ^ and $ to pin it).
package task

import "maillab/internal/fault"

// Sheet is one student's tasks, placeholders filled in.
type Sheet struct {
	Student  string   `json:"student"`  // roster key
	Accounts []string `json:"accounts"` // the student's, the login first
	// Shared says that others use the server, too: a connection in which nobody logged in may be anybody's there.
	Shared bool   `json:"shared,omitempty"`
	Tasks  []Task `json:"tasks"`
}

// Task is one thing to do.
type Task struct {
	// ID names the task in commands and results: lower-case letters, digits and dashes.
	ID string `yaml:"id" json:"id" jsonschema:"required,pattern=^[a-z0-9][a-z0-9-]*$"`
	// Title is one line.
	Title Text `yaml:"title" json:"title" jsonschema:"required"`
	// Ask is the question in full where the title is not enough.
	Ask Text `yaml:"ask" json:"ask,omitempty"`
	// Points are what it is worth.
	Points int `yaml:"points" json:"points" jsonschema:"minimum=0,maximum=1000,default=1"`
	// Needs are the tasks (IDs) after which this one opens.
	Needs []string `yaml:"needs" json:"needs,omitempty"`
	// Open is when the task opens, in the lab's time zone: 2026-03-26 14:00, or a day; without it, as the lab says.
	Open Moment `yaml:"open" json:"open,omitempty"`
	// Due is until when it is to pass, of a day its end; without it, as the lab says.
	Due Moment `yaml:"due" json:"due,omitempty"`
	// Late is what becomes of what passes later; without it, as the lab says, else it is told and counts in full.
	Late *Late `yaml:"late" json:"late,omitempty"`
	// Hint is shown when the student asks for it, or fails.
	Hint Text `yaml:"hint" json:"hint,omitempty"`
	// Faults go wrong on purpose from when the task opens until it has passed: see docs/faults.md.
	Faults []fault.Fault `yaml:"faults" json:"faults,omitempty"`
	// Check is how it is seen that the task was done.
	Check Check `yaml:"check" json:"check" jsonschema:"required"`
}

// Check is a tree. Exactly one field is set.
type Check struct {
	// All passes when each of them does.
	All []Check `yaml:"all" json:"all,omitempty"`
	// Any passes when at least one of them does.
	Any []Check `yaml:"any" json:"any,omitempty"`
	// Not passes when the check does not.
	Not *Check `yaml:"not" json:"not,omitempty"`
	// Message passes when one and the same message (one queue ID) has all that these ask: mail, dialogue (smtp), log and
	// answer, as often as needed. A dialogue counts with the part of it in which that message was handed in, log lines and an
	// answer's log or reply with that message's own.
	Message []Check `yaml:"message" json:"message,omitempty"`
	// Mail is a delivery of this epoch, wherever the student moved or deleted it since.
	Mail *Mail `yaml:"mail" json:"mail,omitempty"`
	// Mailbox is what is in a mailbox now.
	Mailbox *Mailbox `yaml:"mailbox" json:"mailbox,omitempty"`
	// Dialogue is one connection: its commands and replies in order.
	Dialogue *Dialogue `yaml:"dialogue" json:"dialogue,omitempty"`
	// Log is lines of mail.log.
	Log *Log `yaml:"log" json:"log,omitempty"`
	// File is a file of the student's.
	File *File `yaml:"file" json:"file,omitempty"`
	// Run runs a script of the student's, as that student.
	Run *Run `yaml:"run" json:"run,omitempty"`
	// Answer is what the student concluded, given by `lab answer ID`.
	Answer *Answer `yaml:"answer" json:"answer,omitempty"`
	// Manual is the teacher's word, given by `maillab mark`.
	Manual *Manual `yaml:"manual" json:"manual,omitempty"`
}

// Kinds names the fields of c that are set, in the order of the type.
func (c Check) Kinds() []string {
	var set []string
	for _, kind := range []struct {
		name string
		set  bool
	}{
		{"all", c.All != nil}, {"any", c.Any != nil}, {"not", c.Not != nil}, {"message", c.Message != nil},
		{"mail", c.Mail != nil}, {"mailbox", c.Mailbox != nil}, {"dialogue", c.Dialogue != nil}, {"log", c.Log != nil},
		{"file", c.File != nil}, {"run", c.Run != nil}, {"answer", c.Answer != nil}, {"manual", c.Manual != nil},
	} {
		if kind.set {
			set = append(set, kind.name)
		}
	}
	return set
}
