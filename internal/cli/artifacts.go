package cli

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"maillab/internal/control"
	"maillab/internal/deploy"
	"maillab/internal/engine"
	"maillab/internal/instance"
)

// collectPatience bounds how long what is left of an instance is asked for.
const collectPatience = 30 * time.Second

// collect keeps what a failed command leaves: for each sandbox a folder, named after its student, with mail.log, dialogues and mailboxes. What
// does not answer is told, and the rest is kept.
func collect(ctx context.Context, a *app, o deploy.Outcome, dir string) error {
	if dir == "" || !o.Begun {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), collectPatience)
	defer cancel()
	r, err := observed(ctx, o)
	if err != nil {
		return err
	}
	client := r.Client()
	defer client.Close()
	errs := instance.Each(ctx, r.Sandboxes, func(ctx context.Context, s instance.Sandbox) error {
		if s.State != engine.Running {
			return errors.New("it does not run")
		}
		to := filepath.Join(dir, s.Name())
		return errors.Join(collectOne(ctx, client, s.Seat, to), collectDialogues(ctx, client, s, to, a.zone(o.Name)))
	})
	var failed []error
	for _, s := range r.Sandboxes {
		if errs[s.Seat] != nil {
			failed = append(failed, fmt.Errorf("artifacts of %s: %w", s.Name(), errs[s.Seat]))
		}
	}
	fmt.Fprintf(a.Err, "what is left of %s is in %s\n", o.Name, dir)
	return errors.Join(failed...)
}

// observed is the instance as it is now.
func observed(ctx context.Context, o deploy.Outcome) (running, error) {
	return deploy.Again(ctx, running{Instance: instance.Instance{Name: o.Name}, Engine: o.Engine})
}

// report runs the lab's checks and keeps what they say as a JUnit report.
func report(ctx context.Context, a *app, o deploy.Outcome, file string) error {
	if file == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), collectPatience)
	defer cancel()
	r, err := observed(ctx, o)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	checker := &app{Env: a.Env, flags: a.flags}
	checker.Out, checker.flags.output = &out, "junit"
	if err := runCheck(ctx, checker, r, nil, control.CheckRequest{}, nil); exitCode(err) != exitChecks && err != nil {
		return fmt.Errorf("checks: %w", err)
	}
	return save(file, &out)
}

// collectOne takes a picture of the sandbox and lays its log and its mailboxes out as files.
func collectOne(ctx context.Context, client *control.Client, seat int, dir string) error {
	picture, err := client.Save(ctx, seat, nil)
	if err != nil {
		return err
	}
	defer picture.Close()
	for in := tar.NewReader(picture); ; {
		entry, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if name := artifact(entry); name != "" {
			if err := save(filepath.Join(dir, name), in); err != nil {
				return err
			}
		}
	}
}

// collectDialogues keeps what was typed and answered, a file for each student of the sandbox.
func collectDialogues(ctx context.Context, client *control.Client, s instance.Sandbox, dir string, zone *time.Location) error {
	for _, student := range s.Students {
		all, err := client.Dialogues(ctx, s.Seat, student)
		if err != nil {
			return err
		}
		name := "dialogues.txt"
		if s.Seat == 0 {
			name = "dialogues-" + student + ".txt"
		}
		if err := save(filepath.Join(dir, name), strings.NewReader(dialoguesText(all, zone))); err != nil {
			return err
		}
	}
	return nil
}

// artifact is the name of the file that an entry of a picture becomes, "" when it becomes none.
func artifact(entry *tar.Header) string {
	if entry.Name == "log/mail.log" {
		return "mail.log"
	}
	account, isAccount := strings.CutPrefix(path.Dir(entry.Name), "accounts/")
	if isAccount && path.Base(entry.Name) == "inbox" && entry.Size > 0 && filepath.IsLocal(account) && !strings.Contains(account, "/") {
		return filepath.Join("mail", account)
	}
	return ""
}

// save writes a stream to a file.
func save(file string, from io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, from)
	return errors.Join(err, f.Close())
}
