// Package studio is where an author works: the sandbox in which an exercise is done by hand, and the sandboxes in which it is
// seen that the task made of it passes with the solution and with nothing else.
//
// What a session knows (where the lab is, which dialogues and messages are in a task already) lies in the data folder as
// author/INSTANCE.json, 0600, for as long as the sandbox is there.
package studio

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"maillab/internal/author"
	"maillab/internal/control"
	"maillab/internal/deploy"
	"maillab/internal/instance"
	"maillab/internal/lab"
	"maillab/internal/safeio"
	"maillab/labs"
)

// Session is an author at work in one sandbox.
type Session struct {
	Instance string `json:"instance"`
	Lab      string `json:"lab"` // the lab file's path, from the root
	Student  string `json:"student"`
	Seat     int    `json:"seat"`

	Accounts  []string `json:"accounts"`  // the student's, the login first
	Passwords []string `json:"passwords"` // as the lab's file has them, "" where it has none
	Domain    string   `json:"domain"`
	Since     string   `json:"since"` // files written before are in a task, or were there before the session: seconds since 1970, by the sandbox's clock
	Used      []string `json:"used"`  // dialogues and messages that are in a task, by ID
}

//go:embed start
var start embed.FS

// Lab finds the file of a lab that tasks are to be written into. A folder that is not there, or has an empty lab file or none, gets
// a small lab to begin with; made tells so.
func Lab(ref string) (file string, made bool, err error) {
	file, missing, err := place(ref)
	if err == nil && missing {
		err = begin(filepath.Dir(file), filepath.Base(file))
	}
	return file, missing && err == nil, err
}

// place is where a lab's file is, or would be: missing tells that there is none, or an empty one.
func place(ref string) (file string, missing bool, err error) {
	if ref == "" {
		return "", false, errors.New("which lab? -f FOLDER; one that is not there is made")
	}
	info, err := os.Stat(ref)
	_, onBoard := labs.Open(ref)
	switch {
	case errors.Is(err, fs.ErrNotExist) && onBoard == nil:
		return "", false, fmt.Errorf("%s is a lab that maillab carries, and stays as it is: maillab labs copy %s makes one to be changed", ref, ref)
	case err == nil && !info.IsDir():
		file = ref
	case err == nil || errors.Is(err, fs.ErrNotExist):
		file = filepath.Join(ref, labs.File)
	default:
		return "", false, err
	}
	if file, err = filepath.Abs(file); err != nil {
		return "", false, err
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return file, true, nil
	}
	return file, err == nil && strings.TrimSpace(string(text)) == "", err
}

// begin puts the small lab into a folder, under its name where that can be a lab's. What is there stays as it is.
func begin(dir, file string) error {
	sub, err := fs.Sub(start, "start")
	if err != nil {
		return err
	}
	return fs.WalkDir(sub, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(sub, path)
		if err != nil {
			return err
		}
		if path == labs.File {
			path = file
			if name := filepath.Base(dir); instance.CheckName(name) == nil {
				text = []byte(strings.Replace(string(text), "name: my-lab", "name: "+name, 1))
			}
		}
		to := filepath.Join(dir, path)
		if old, err := os.ReadFile(to); err == nil && len(strings.TrimSpace(string(old))) > 0 {
			return nil
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		return safeio.WriteFile(to, text, 0o644, safeio.Whole)
	})
}

// Fit refuses labs whose exercises one person cannot do again alone: between servers there are two at work, each at both servers, and what one
// types at the other's is the other's evidence.
func Fit(l *lab.Lab) error {
	if l.Between != nil {
		return errors.New("a task is recorded of what one student does alone: this lab is between servers, where two do it (between)")
	}
	return nil
}

// begun is the session in a sandbox that has come up.
func begun(o deploy.Outcome, file string) Session {
	told := o.Tell().Sandboxes[0]
	s := Session{Instance: o.Name, Lab: file, Student: told.Students[0], Seat: told.Seat, Domain: told.Domain}
	generated := slices.ContainsFunc(o.Lab.Accounts, func(a lab.Account) bool { return a.Password == lab.Generate })
	for _, a := range accountsOf(told, s.Student) {
		s.Accounts = append(s.Accounts, a.Name)
		if generated {
			a.Password = ""
		}
		s.Passwords = append(s.Passwords, a.Password)
	}
	return s
}

// accountsOf are a student's in a sandbox: on a shared server others have theirs there, too.
func accountsOf(where deploy.ToldSandbox, student string) []deploy.ToldAccount {
	return slices.DeleteFunc(slices.Clone(where.Accounts), func(a deploy.ToldAccount) bool { return a.Student != student })
}

func path(data, instance string) string { return filepath.Join(data, "author", instance+".json") }

// Keep keeps a session in a data folder.
func (s Session) Keep(data string) error {
	if err := os.MkdirAll(filepath.Dir(path(data, s.Instance)), 0o700); err != nil {
		return err
	}
	return safeio.WriteJSON(path(data, s.Instance), s)
}

// Forget ends it.
func (s Session) Forget(data string) error { return os.Remove(path(data, s.Instance)) }

// ErrNone is that nobody records.
var ErrNone = errors.New("nothing is being recorded")

// named are the instances of sessions' files.
func named(files []string) (instances []string) {
	for _, file := range files {
		instances = append(instances, strings.TrimSuffix(filepath.Base(file), ".json"))
	}
	return instances
}

// Open finds the session of an instance, or with "" the only one.
func Open(data, instance string) (s Session, err error) {
	if instance == "" {
		all, err := filepath.Glob(path(data, "*"))
		switch {
		case err != nil:
			return s, err
		case len(all) == 0:
			return s, ErrNone
		case len(all) > 1:
			return s, fmt.Errorf("several sandboxes are being recorded: say which with -n: %s", strings.Join(named(all), ", "))
		}
		instance = named(all)[0]
	}
	err = safeio.ReadJSON(path(data, instance), &s)
	if err == nil && s.Instance == "" { // there is no such file
		return s, fmt.Errorf("%w in %s", ErrNone, instance)
	}
	return s, err
}

// Solution and Wrong are where a lab keeps its ways.
func (s Session) Solution() string { return filepath.Join(filepath.Dir(s.Lab), "solution", "solve.sh") }

// Wrong is the file of the ways that must not pass.
func (s Session) Wrong() string { return filepath.Join(filepath.Dir(s.Lab), "solution", "wrong.sh") }

// record is what a script needs to know of the session.
func (s Session) record() author.Record {
	return author.Record{Accounts: s.Accounts, Passwords: s.Passwords, Domain: s.Domain}
}

// After is the session that comes after what was done until now, with what of it there is a record: dialogues that have ended, messages
// without their texts.
func (s Session) After(ctx context.Context, client *control.Client, i deploy.Running) (r author.Record, next Session, err error) {
	r, next = s.record(), s
	next.Used = slices.Clone(s.Used)
	if next.Since, err = s.clock(ctx, client, i); err != nil {
		return r, s, err
	}
	dialogues, err := client.Seat(s.Seat).Dialogues(ctx, s.Student)
	if err != nil {
		return r, s, err
	}
	for _, d := range dialogues {
		if slices.Contains(s.Used, d.ID) || len(d.Commands()) == 0 {
			continue
		}
		if d.End.IsZero() {
			return r, s, fmt.Errorf("the %s dialogue of %s goes on: end it (quit, or logout), then again", strings.ToUpper(d.Service), d.Start.Local().Format(time.TimeOnly))
		}
		r.Dialogues, next.Used = append(r.Dialogues, d), append(next.Used, d.ID)
	}
	messages, err := client.Seat(s.Seat).Messages(ctx, s.Student)
	if err != nil {
		return r, s, err
	}
	for _, m := range messages {
		if slices.Contains(s.Used, m.ID) || m.Envelope == nil {
			continue
		}
		r.Messages, next.Used = append(r.Messages, m), append(next.Used, m.ID)
	}
	return r, next, nil
}

// Gather fetches what was done since, and tells the session that comes after.
func (s Session) Gather(ctx context.Context, client *control.Client, i deploy.Running) (author.Record, Session, error) {
	r, next, err := s.After(ctx, client, i)
	if err != nil {
		return r, s, err
	}
	for n, m := range r.Messages {
		if r.Messages[n], err = client.Seat(s.Seat).Message(ctx, s.Student, m.ID); err != nil {
			return r, s, err
		}
	}
	if r.Log, err = logLines(ctx, client, s.Seat); err != nil {
		return r, s, err
	}
	r.Files, err = s.files(ctx, client, i)
	return r, next, err
}
