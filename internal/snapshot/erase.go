package snapshot

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"maillab/internal/progress"
	"maillab/internal/safeio"
)

// Erase removes a student from all snapshots: archives that are the student's alone, and of the others the accounts and the
// work. What is everybody's (waiting mail, mail.log) goes with them, for it tells of the student, too.
func (s Store) Erase(student string, accounts []string) error {
	all, err := s.archives()
	if err != nil {
		return err
	}
	var errs []error
	for _, a := range all {
		switch {
		case slices.Equal(a.Manifest.Students, []string{student}):
			errs = append(errs, os.Remove(a.Path))
		case slices.Contains(a.Manifest.Students, student):
			errs = append(errs, a.rewrite(func(out io.Writer, in io.Reader) error { return without(out, in, a.Manifest, student, accounts) }))
		}
		_ = os.Remove(filepath.Dir(a.Path)) // a snapshot of which nothing is left
	}
	return errors.Join(errs...)
}

// rewrite puts another archive in an archive's place.
func (a Archive) rewrite(with func(out io.Writer, in io.Reader) error) error {
	in, err := os.Open(a.Path)
	if err != nil {
		return err
	}
	defer in.Close()
	return safeio.Write(a.Path, 0o600, safeio.Durable, func(out *os.File) error { return with(out, in) })
}

// without copies an archive without one of its students.
func without(out io.Writer, archive io.Reader, about Manifest, student string, accounts []string) error {
	stream, done, err := unpack(archive)
	if err != nil {
		return err
	}
	defer done()
	about.Students = slices.DeleteFunc(slices.Clone(about.Students), func(s string) bool { return s == student })
	r, w := io.Pipe()
	go func() { w.CloseWithError(othersOf(w, stream, student, accounts)) }()
	defer r.Close()
	_, err = Write(out, about, r)
	return err
}

// othersOf copies a sandbox's stream without a student's entries.
func othersOf(w io.Writer, stream io.Reader, student string, accounts []string) error {
	out := tar.NewWriter(w)
	err := each(stream, func(h *tar.Header, r io.Reader) error {
		var text []byte
		var err error
		switch {
		case h.Name == manifestEntry || isShared(h.Name) || ownedBy(h.Name, accounts) || strings.HasPrefix(h.Name, "recordings/"+student+"/"):
			_, err = io.Copy(io.Discard, r)
			return err
		case h.Name == workEntry:
			var work map[string]progress.History
			if work, err = readWork(h, r); err == nil {
				delete(work, student)
				text, err = json.Marshal(work)
			}
		case h.Name == pictureEntry:
			text, err = pictureWithout(r, accounts)
		default:
			if err = out.WriteHeader(h); err == nil {
				_, err = io.Copy(out, r)
			}
			return err
		}
		if err != nil {
			return err
		}
		changed := *h
		changed.Size = int64(len(text))
		if err := out.WriteHeader(&changed); err != nil {
			return err
		}
		_, err = io.Copy(out, bytes.NewReader(text))
		return err
	})
	return errors.Join(err, out.Close())
}

// pictureEntry is the first entry of a sandbox's stream, which says whose accounts are in it.
const pictureEntry = "sandbox.json"

func pictureWithout(r io.Reader, accounts []string) ([]byte, error) {
	picture := map[string]any{}
	if err := json.NewDecoder(r).Decode(&picture); err != nil {
		return nil, damaged("%s: %v", pictureEntry, err)
	}
	for _, list := range []string{"accounts", "left_out"} {
		names, _ := picture[list].([]any)
		picture[list] = slices.DeleteFunc(names, func(name any) bool {
			text, _ := name.(string)
			account, _, _ := strings.Cut(text, ":")
			return slices.Contains(accounts, account)
		})
	}
	return json.Marshal(picture)
}

// isShared tells what is of a whole sandbox, and not of an account.
func isShared(name string) bool {
	return strings.HasPrefix(name, "queue/") || strings.HasPrefix(name, "log/") || name == "subscribed.json"
}

func ownedBy(name string, accounts []string) bool {
	return slices.ContainsFunc(accounts, func(account string) bool {
		return strings.HasPrefix(name, "accounts/"+account+"/") || strings.HasPrefix(name, "index/"+account+"/")
	})
}

// Mentions are the entries of all archives in which one of these words is.
func (s Store) Mentions(words []string) (where []string, err error) {
	all, err := s.archives()
	for _, a := range all {
		found, readErr := a.mentions(words)
		where, err = append(where, found...), errors.Join(err, readErr)
	}
	return where, err
}

func (a Archive) mentions(words []string) (where []string, err error) {
	f, err := os.Open(a.Path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	stream, done, err := unpack(f)
	if err != nil {
		return nil, err
	}
	defer done()
	err = each(stream, func(h *tar.Header, r io.Reader) error {
		found, err := safeio.Mentions(io.MultiReader(strings.NewReader(h.Name+"\n"), r), words)
		if found {
			where = append(where, a.Path+": "+h.Name)
		}
		return err
	})
	return where, err
}
