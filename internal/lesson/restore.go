package lesson

import (
	"archive/tar"
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"maillab/internal/belongings"
	"maillab/internal/control"
	"maillab/internal/progress"
	"maillab/internal/recording"
)

// Bounds on what an archive may hold beside accounts' belongings.
const (
	maxStateFiles = 50_000
	maxStateFile  = 256 << 20
	maxStateBytes = 1 << 30
)

// Restore implements control.Lessons. It puts back what Save wrote, or what of it concerns these students and this scope. The stream is taken in and
// checked whole before anything is touched. UIDs, UIDVALIDITY and waiting mail come back as they were.
func (l *Between) Restore(ctx context.Context, q control.Restore, from io.Reader) (control.ResetReport, error) {
	scope, err := parseScope(q.Scope)
	if err != nil {
		return control.ResetReport{}, err
	}
	i := takingIn{l: l, archives: map[string]*stagedArchive{}, state: &staged{}, wanted: l.accountsOf(q.Students)}
	defer i.close()
	if i.state.dir, err = stageDirectory(l.cfg.StateDir); err != nil {
		return control.ResetReport{}, err
	}
	if err := i.read(ctx, from); err != nil {
		return control.ResetReport{}, &control.Error{Status: 422, Text: fmt.Sprintf("nothing was touched: %v", err)}
	}
	r := replacement{scope: scope, work: i.work, taken: i.picture.Time, state: i.state}
	for _, account := range i.wanted {
		if a := i.archives[account]; a != nil {
			r.accounts = append(r.accounts, account)
			r.archives = append(r.archives, archive{[]string{account}, a.f})
		}
	}
	if len(r.accounts) == 0 {
		return control.ResetReport{}, &control.Error{Status: 422, Text: "nothing was touched: the archive is about none of these accounts"}
	}
	report, err := l.replace(ctx, &r)
	report.LeftOut = i.leftOut
	return report, err
}

// takingIn takes an archive in.
type takingIn struct {
	l        *Between
	wanted   []string
	archives map[string]*stagedArchive
	state    *staged
	picture  *Picture
	work     map[string]progress.History
	leftOut  []string
}

// stagedArchive is one account's part, on its way.
type stagedArchive struct {
	f      *os.File
	buffer *bufio.Writer // tar writes a header in three, and padding
	w      *tar.Writer
	check  belongings.Checker
}

func (i *takingIn) close() {
	for _, a := range i.archives {
		a.f.Close()
	}
	_ = os.RemoveAll(i.state.dir)
}

func (i *takingIn) read(ctx context.Context, from io.Reader) error {
	for in := tar.NewReader(from); ; {
		h, err := in.Next()
		if err == io.EOF {
			return i.finish(from)
		}
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = i.take(h, in)
		}
		if err != nil {
			return err
		}
	}
}

// finish ends all parts. What follows a tar's end is read, so that a stream that was cut short is found out.
func (i *takingIn) finish(from io.Reader) error {
	if err := drain(from); err != nil {
		return err
	}
	if i.picture == nil {
		return errors.New("there is nothing in it")
	}
	for account, a := range i.archives {
		if err := errors.Join(a.w.Close(), a.buffer.Flush()); err != nil {
			return fmt.Errorf("account %s: %w", account, err)
		}
	}
	return nil
}

func (i *takingIn) take(h *tar.Header, r io.Reader) error {
	if i.picture == nil {
		return i.takePicture(h, r)
	}
	rest, isAccount := strings.CutPrefix(h.Name, accountsPrefix)
	switch {
	case isAccount:
		account, name, _ := strings.Cut(rest, "/")
		return i.takeAccount(account, name, h, r)
	case h.Typeflag != tar.TypeReg:
		return fmt.Errorf("entry %q is no file", h.Name)
	case h.Name == progressEntry:
		return i.takeWork(h, r)
	case h.Name == subscribedEntry:
		return i.takeSubscribed(h, r)
	case strings.HasPrefix(h.Name, recordingsPrefix):
		return i.takeRecording(h, r)
	}
	return i.takeState(h, r)
}

func (i *takingIn) takePicture(h *tar.Header, r io.Reader) error {
	if h.Name != pictureEntry || h.Size > 1<<20 {
		return fmt.Errorf("it begins with %q: not a picture of a sandbox", h.Name)
	}
	i.picture = &Picture{}
	if err := json.NewDecoder(r).Decode(i.picture); err != nil {
		return fmt.Errorf("%s: %w", pictureEntry, err)
	}
	if i.picture.Version != pictureVersion {
		return fmt.Errorf("it is of version %d, this sandbox understands %d", i.picture.Version, pictureVersion)
	}
	for _, account := range i.picture.Accounts {
		if !slices.Contains(i.wanted, account) {
			i.leftOut = append(i.leftOut, "account "+account)
			continue
		}
		if i.archives[account] != nil {
			return fmt.Errorf("account %s is there twice", account)
		}
		f, err := Stage(i.l.cfg.StateDir)
		if err != nil {
			return err
		}
		buffer := bufio.NewWriter(f)
		i.archives[account] = &stagedArchive{f: f, buffer: buffer, w: tar.NewWriter(buffer)}
	}
	return nil
}

func (i *takingIn) takeAccount(account, name string, h *tar.Header, r io.Reader) error {
	a := i.archives[account]
	if a == nil {
		if slices.Contains(i.picture.Accounts, account) {
			return drain(r)
		}
		return fmt.Errorf("entry %q is about nobody", h.Name)
	}
	copied := *h
	copied.Name = name
	if err := a.check.Check(&copied); err != nil {
		return fmt.Errorf("account %s: %w", account, err)
	}
	if err := a.w.WriteHeader(&copied); err != nil {
		return fmt.Errorf("account %s: %w", account, err)
	}
	_, err := io.Copy(a.w, io.LimitReader(r, h.Size)) // as in copyEntries
	return err
}

func (i *takingIn) takeWork(h *tar.Header, r io.Reader) error {
	if h.Size > progress.MaxFile {
		return fmt.Errorf("%s: %d bytes", progressEntry, h.Size)
	}
	if err := json.NewDecoder(r).Decode(&i.work); err != nil {
		return fmt.Errorf("%s: %w", progressEntry, err)
	}
	for student, history := range i.work {
		if err := history.Check(); err != nil {
			return fmt.Errorf("%s: %s: %w", progressEntry, student, err)
		}
	}
	return drain(r)
}

func (i *takingIn) takeSubscribed(h *tar.Header, r io.Reader) error {
	if h.Size > 1<<20 {
		return fmt.Errorf("%s: %d bytes", subscribedEntry, h.Size)
	}
	if err := json.NewDecoder(r).Decode(&i.state.subscribed); err != nil {
		return fmt.Errorf("%s: %w", subscribedEntry, err)
	}
	return nil
}

// recordingName is what a recording's entry may be called.
var recordingName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^recordings/([^/\\]+)/([0-9]+T[0-9]+\.[0-9]+-[0-9]+)\.cast$`)
})

// takenRecording is one on its way.
type takenRecording struct {
	student, id string
	last        time.Time
	file        string
}

func (i *takingIn) takeRecording(h *tar.Header, r io.Reader) error {
	m := recordingName().FindStringSubmatch(h.Name)
	if m == nil || h.Size > 2*recording.MaxRecording {
		return fmt.Errorf("entry %q means nothing here", h.Name)
	}
	if !slices.Contains(i.l.studentsOf(i.wanted), m[1]) {
		return drain(r)
	}
	s := i.state
	t := takenRecording{m[1], m[2], h.ModTime, filepath.Join(s.dir, fmt.Sprintf("recording-%d", len(s.recordings)))}
	s.recordings = append(s.recordings, t)
	if s.files, s.bytes = s.files+1, s.bytes+h.Size; s.files > maxStateFiles || s.bytes > maxStateBytes {
		return errors.New("more recordings than can be")
	}
	return writeStaged(t.file, r)
}

// writeStaged writes a file that is not there yet.
func writeStaged(path string, r io.Reader) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}

// stateName is what the other entries may be called: queue IDs, escaped names of boxes. How long they may be the file system
// knows: an expression that counts to 250 is 270 kB of each daemon.
var stateName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(queue/[0-9A-Za-z]+|index/[^/\\]+/[^/\\.][^/\\]*\.index|log/mail\.log)$`)
})

func (i *takingIn) takeState(h *tar.Header, r io.Reader) error {
	s := i.state
	if belongings.Inflated(h) || !stateName().MatchString(h.Name) || strings.ContainsAny(h.Name, "\x00:") || strings.Contains(h.Name, "/../") {
		return fmt.Errorf("entry %q means nothing here", h.Name)
	}
	if owner := indexOwner(h.Name); owner != "" && i.archives[owner] == nil {
		return drain(r)
	}
	s.files, s.bytes = s.files+1, s.bytes+h.Size
	if s.files > maxStateFiles || h.Size > maxStateFile || s.bytes > maxStateBytes {
		return errors.New("more waiting mail and indexes than can be")
	}
	path := filepath.Join(s.dir, filepath.FromSlash(h.Name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return writeStaged(path, r)
}

// indexOwner is the account of an index entry, "" for another one.
func indexOwner(name string) string {
	rest, ok := strings.CutPrefix(name, indexPrefix)
	if !ok {
		return ""
	}
	owner, _, _ := strings.Cut(rest, "/")
	return owner
}

// staged is the daemon's own part of a restore, in a directory beside where it is going to be. nil is a fresh start.
type staged struct {
	dir        string
	files      int
	bytes      int64
	subscribed map[string][]string
	recordings []takenRecording
}

func stageDirectory(stateDir string) (string, error) {
	dir := filepath.Join(stateDir, stageDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	return os.MkdirTemp(dir, "restore-*")
}

// put moves it into place: indexes of accounts that were put back; queue and log only when everybody was.
func (s *staged) put(l *Between, accounts []string, scope belongings.Scope) error {
	if s == nil {
		return nil
	}
	var errs []error
	for _, account := range accounts {
		from := filepath.Join(s.dir, "index", account)
		if _, err := os.Stat(from); err == nil {
			errs = append(errs, os.Rename(from, l.cfg.Spool.IndexDir(account)))
		}
		errs = append(errs, l.cfg.Subscribe(account, s.subscribed[account]))
	}
	if scope == belongings.All {
		errs = append(errs, s.putRecordings(l))
	}
	if len(accounts) != len(l.cfg.Spec.Accounts) {
		return errors.Join(errs...)
	}
	queued, err := os.ReadDir(filepath.Join(s.dir, "queue"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		errs = append(errs, err)
	}
	for _, e := range queued {
		errs = append(errs, os.Rename(filepath.Join(s.dir, "queue", e.Name()), filepath.Join(l.queueDir(), e.Name())))
	}
	if scope == belongings.All {
		errs = append(errs, s.putLog(l.cfg.LogFile))
	}
	return errors.Join(errs...)
}

// putRecordings puts those back that are not there any more; later ones stay.
func (s *staged) putRecordings(l *Between) (errs error) {
	for _, t := range s.recordings {
		f, err := os.Open(t.file)
		if err == nil {
			err = errors.Join(l.cfg.Recordings.PutBack(t.student, t.id, t.last, f), f.Close())
		}
		errs = errors.Join(errs, err)
	}
	return errs
}

// putLog puts the log back, readable for everybody. Its writer sees that the file is another one and goes on in it.
func (s *staged) putLog(file string) error {
	from := filepath.Join(s.dir, "log", "mail.log")
	if err := os.Chmod(from, 0o644); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	if runtime.GOOS == "windows" { // which lets no file take the place of one that is open
		return errors.Join(writeOver(file, from), os.Remove(from))
	}
	return os.Rename(from, file)
}

// writeOver gives a file another one's text.
func writeOver(file, from string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o644)
}
