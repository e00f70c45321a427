// Package author makes a task of what somebody has done by hand in a sandbox: a check that sees it done, a script that does it
// again in the form of a lab's solution, and ways that must not pass. It is pure: a Record in, a Proposal out; the lab's file
// and its script are texts, of which all stays as it is but for what is added (Add, Solution).
//
// What is proposed asks for what was reached and leaves the way to it open: of a message that arrived its envelope and its
// header, of a dialogue the commands that it was typed for, each with the kind of its reply. Slips that were mended are left
// out. The student's own names become placeholders; numbers, queue IDs, process IDs and dates become patterns.
package author

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"maillab/internal/control"
	"maillab/internal/dialogue"
	"maillab/internal/lab/task"
)

// Record is what was done since a task was made last.
type Record struct {
	Accounts  []string // the student's, the login first
	Passwords []string // theirs, for a script; "" where the lab has none in its file
	Domain    string
	Dialogues []dialogue.Dialogue
	Messages  []control.Message // with their texts
	Log       []string          // lines of mail.log
	Files     []File            // new in the home, or changed
	Answer    string            // what a student is to conclude; "": nothing is asked
}

// File is one of the home's.
type File struct {
	Path       string // below the home
	Text       string
	Executable bool
	Output     string // what it wrote, of a script that was run
}

// Proposal is a task with what proves it.
type Proposal struct {
	Task  task.Task
	Steps []Step // that do it
	Wrong []Way  // that must not pass
}

// Way is a way to do a task, or to do something else.
type Way struct {
	Name  string // lower-case letters and dashes
	Steps []Step
}

// isID is what students type.
var isID = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*$`)

// ErrNothing is a record in which nothing was done.
var ErrNothing = errors.New("nothing was done since: no dialogue, no message, no file, and no answer")

// part is one thing of which there is evidence.
type part struct {
	check   task.Check
	about   string // the queue ID of the message that it is of; "": of none
	steps   []Step
	wrong   []Way    // in place of its steps
	verbs   []string // for the hint
	service string
}

// Propose makes a task of a record. id is what students type.
func Propose(id string, r Record) (Proposal, error) {
	if !isID.MatchString(id) {
		return Proposal{}, fmt.Errorf("%q cannot be a task's name: lower-case letters, digits and dashes", id)
	}
	n := namesOf(r)
	parts, err := talks(r, n)
	if err != nil {
		return Proposal{}, err
	}
	parts = append(parts, submitted(r, n)...)
	parts = append(parts, files(r.Files, n)...)
	if r.Answer != "" {
		answered, err := answer(id, r, n)
		if err != nil {
			return Proposal{}, err
		}
		parts = append(parts, answered)
	}
	if len(parts) == 0 {
		return Proposal{}, ErrNothing
	}
	p := Proposal{Task: task.Task{ID: id, Title: written(id), Check: together(parts), Hint: hint(parts)}}
	if r.Answer != "" {
		p.Task.Ask = slot()
	}
	for _, one := range parts {
		p.Steps = append(p.Steps, one.steps...)
	}
	p.Wrong = wrongWays(parts)
	return p, nil
}

// slot is a text that the author is to write.
func slot() task.Text { return task.Text{"fr": "À écrire", "en": "To be written"} }

// written is a title that the author is to write better.
func written(id string) task.Text {
	words := strings.ReplaceAll(id, "-", " ")
	return task.Text{"fr": "À écrire : " + words, "en": "To be written: " + words}
}

// together joins parts: those of one message are tied to it, and all of them have to be.
func together(parts []part) task.Check {
	var checks []task.Check
	tied := map[string]int{}
	for _, p := range parts {
		at, known := tied[p.about]
		switch {
		case p.about == "" && p.check.All != nil:
			checks = append(checks, p.check.All...)
		case p.about == "":
			checks = append(checks, p.check)
		case known:
			checks[at].Message = append(checks[at].Message, p.check)
		default:
			tied[p.about] = len(checks)
			checks = append(checks, task.Check{Message: []task.Check{p.check}})
		}
	}
	for i, c := range checks { // of what is alone nothing has to be tied
		if len(c.Message) == 1 {
			checks[i] = c.Message[0]
		}
	}
	if len(checks) == 1 {
		return checks[0]
	}
	return task.Check{All: checks}
}

// mostWrong bounds the ways that are tried: each is played in a sandbox of its own.
const mostWrong = 4

// wrongWays are what must not pass: nothing at all, and, one after the other, each part done wrongly beside the others done
// right.
func wrongWays(parts []part) []Way {
	ways := []Way{{Name: Nothing}}
	for round := 0; len(ways) < mostWrong; round++ {
		more := false
		for i, p := range parts {
			if round >= len(p.wrong) || len(ways) == mostWrong {
				continue
			}
			more = true
			way := Way{Name: p.wrong[round].Name}
			for j, other := range parts {
				if steps := other.steps; j != i {
					way.Steps = append(way.Steps, steps...)
				} else {
					way.Steps = append(way.Steps, p.wrong[round].Steps...)
				}
			}
			for k := 2; slices.ContainsFunc(ways, func(w Way) bool { return w.Name == way.Name }); k++ {
				way.Name = fmt.Sprintf("%s-%d", p.wrong[round].Name, k)
			}
			ways = append(ways, way)
		}
		if !more {
			break
		}
	}
	return ways
}

// hint names how each part was reached, with no more than the commands' words.
func hint(parts []part) task.Text {
	var fr, en []string
	for _, p := range parts {
		words := strings.Join(p.verbs, ", ")
		switch port := ports()[p.service]; {
		case words == "":
		case port != 0:
			fr = append(fr, fmt.Sprintf("telnet localhost %d, puis %s.", port, words))
			en = append(en, fmt.Sprintf("telnet localhost %d, then %s.", port, words))
		default:
			fr, en = append(fr, words+"."), append(en, words+".")
		}
	}
	if len(fr) == 0 {
		return slot()
	}
	return task.Text{"fr": strings.Join(fr, " "), "en": strings.Join(en, " ")}
}

// ports are the services' own.
func ports() map[string]int { return map[string]int{"smtp": 25, "pop3": 110, "imap": 143} }
