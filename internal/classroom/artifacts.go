package classroom

import (
	"archive/tar"
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
	"maillab/internal/safeio"
)

// Collect keeps for each sandbox of an instance a folder, named after its student, with mail.log, dialogues and mailboxes. What does
// not answer is told, and the rest is kept.
func Collect(ctx context.Context, r deploy.Running, dir string, zone *time.Location) error {
	client := r.Client()
	defer client.Close()
	errs := instance.Each(ctx, r.Sandboxes, func(ctx context.Context, s instance.Sandbox) error {
		if s.State != engine.Running {
			return errors.New("it does not run")
		}
		to := filepath.Join(dir, s.Name())
		return errors.Join(collectMail(ctx, client, s.Seat, to), collectDialogues(ctx, client, s, to, zone))
	})
	var failed []error
	for _, s := range r.Sandboxes {
		if errs[s.Seat] != nil {
			failed = append(failed, fmt.Errorf("artifacts of %s: %w", s.Name(), errs[s.Seat]))
		}
	}
	return errors.Join(failed...)
}

// collectMail takes a picture of the sandbox and lays its log and its mailboxes out as files.
func collectMail(ctx context.Context, client *control.Client, seat int, dir string) error {
	picture, err := client.Seat(seat).Save(ctx, nil)
	if err != nil {
		return err
	}
	defer picture.Close()
	for in := tar.NewReader(picture); ; {
		entry, err := in.Next()
		if errors.Is(err, io.EOF) || err == nil && strings.HasPrefix(entry.Name, "recordings/") { // which come last, and are large
			return nil
		}
		if err != nil {
			return err
		}
		if name := artifact(entry); name != "" {
			if err := Save(filepath.Join(dir, name), in); err != nil {
				return err
			}
		}
	}
}

// collectDialogues keeps what was typed and answered, a file for each student of the sandbox.
func collectDialogues(ctx context.Context, client *control.Client, s instance.Sandbox, dir string, zone *time.Location) error {
	for _, student := range s.Students {
		all, err := client.Seat(s.Seat).Dialogues(ctx, student)
		if err != nil {
			return err
		}
		name := "dialogues.txt"
		if s.Seat == 0 {
			name = "dialogues-" + student + ".txt"
		}
		if err := Save(filepath.Join(dir, name), strings.NewReader(DialoguesText(all, zone))); err != nil {
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

// Save writes a stream to a file, whole or not at all.
func Save(file string, from io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	return safeio.Write(file, 0o600, safeio.Whole, func(w *os.File) error {
		_, err := io.Copy(w, from)
		return err
	})
}
