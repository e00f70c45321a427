package labs_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"

	"maillab/internal/lab"
	"maillab/internal/lab/task"
	"maillab/internal/roster"
	"maillab/internal/spec"
	"maillab/labs"
)

// TestNoPasswordThatIsNotInForce: with other passwords than the lab's, no text that a student gets holds one of the lab's, and
// the statement holds the student's own.
func TestNoPasswordThatIsNotInForce(t *testing.T) {
	names, err := labs.List()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		l, own := compile(t, name)
		made := withMade(t, l, name)
		for i, s := range made {
			for _, a := range own[i].Accounts {
				if _, isName := own[i].Account(a.Password); isName {
					continue // that an account is called so may be said
				}
				word := regexp.MustCompile(`(^|[^\pL\pN])` + regexp.QuoteMeta(a.Password) + `($|[^\pL\pN])`)
				if a.Password == name { // of which the domain is made, and sentences
					word = regexp.MustCompile("(?i)(`|pass |login [a-z]+ )" + a.Password + `($|[^\pL\pN])`)
				}
				for where, text := range textsOf(s) {
					if word.MatchString(text) {
						t.Errorf("%s: %s says %q, which is not the password of %s: %q", name, where, a.Password, a.Name, word.FindString(text))
					}
				}
			}
			for _, a := range s.Accounts {
				first, _ := lab.Login(s, a.Student)
				if a.Student != "" && first.Name == a.Name && !strings.Contains(textsOf(s)["statement of "+a.Name], a.Password) {
					t.Errorf("%s: the statement in %s's home does not say the password in force", name, a.Name)
				}
			}
		}
	}
}

// withMade is the lab with passwords that are made.
func withMade(t *testing.T, l *lab.Lab, name string) []spec.Sandbox {
	t.Helper()
	folder, err := labs.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	text, err := fs.ReadFile(folder, labs.Roster)
	if err != nil {
		t.Fatal(err)
	}
	class, _, err := roster.Read(labs.Roster, bytes.NewReader(text), roster.Options{})
	if err != nil {
		t.Fatal(err)
	}
	made, err := lab.Compile(l.WithPasswords(lab.Passwords{Made: true}), class, roster.Seat(nil, class).Given.Seats(), "test",
		func(key string) string { return "<" + key + ">" })
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// textsOf are the texts of a sandbox that students come to see, by where they are: motd, starting mail, files that are text, and
// of the tasks everything but the rules.
func textsOf(s spec.Sandbox) map[string]string {
	texts := map[string]string{"tasks": shownOfTasks(s)}
	for _, a := range s.Accounts {
		texts["motd of "+a.Name] = a.Motd
	}
	for i, m := range s.Mail {
		texts[fmt.Sprintf("mail %d to %s", i, m.To)] = string(m.Raw)
	}
	for _, f := range s.Files {
		where := f.Path
		if strings.Contains(f.Path, "/statement.") {
			where = "statement of " + f.Account
		}
		if !slices.Contains(f.Data, 0) {
			texts[where] += string(f.Data)
		}
	}
	return texts
}

// shownOfTasks are titles, questions and hints.
func shownOfTasks(s spec.Sandbox) string {
	var shown strings.Builder
	sheets, _ := task.Sheets(s.Tasks) // that they can be read is another test's
	for _, sheet := range sheets {
		for _, one := range sheet.Tasks {
			for _, lang := range task.Languages() {
				fmt.Fprintf(&shown, "%s: %s\n%s\n%s\n", one.ID, one.Title[lang], one.Ask[lang], one.Hint[lang])
			}
		}
	}
	return shown.String()
}
