package lesson

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"maillab/internal/belongings"
	"maillab/internal/control"
	"maillab/internal/mail"
	"maillab/internal/mail/mbox"
	"maillab/internal/progress"
	"maillab/internal/spec"
)

// sideBySide bounds the accounts that are worked on at the same time.
const sideBySide = 4

// Reset implements control.Lessons. Accounts are put back to the start: a new file in place of every mailbox, with the starting mail in it, under
// another UIDVALIDITY; POP3 and IMAP sessions and mail readers end, everything else stays. students empty is everybody.
func (l *Between) Reset(ctx context.Context, q control.Reset) (control.ResetReport, error) {
	scope, err := parseScope(q.Scope)
	if err != nil {
		return control.ResetReport{}, err
	}
	accounts := l.accountsOf(q.Students)
	if len(accounts) == 0 {
		return control.ResetReport{}, fmt.Errorf("nobody here is called %s", strings.Join(q.Students, ", "))
	}
	if q.Keep {
		for _, student := range q.Students {
			if _, err := l.Copy(ctx, control.CopyOf{Student: student}); err != nil {
				return control.ResetReport{}, err
			}
		}
	}
	r := replacement{accounts: accounts, scope: scope}
	defer r.close()
	if r.archives, err = l.startArchives(accounts, scope); err != nil {
		return control.ResetReport{}, err
	}
	return l.replace(ctx, &r)
}

func parseScope(text string) (belongings.Scope, error) {
	scope, err := belongings.ParseScope(text)
	if err != nil {
		return scope, &control.Error{Status: http.StatusBadRequest, Text: err.Error()}
	}
	return scope, nil
}

// accountsOf are the names of students' accounts, all of them when nobody is named.
func (l *Between) accountsOf(students []string) (names []string) {
	for _, a := range l.cfg.Spec.Accounts {
		if len(students) == 0 || slices.Contains(students, a.Student) {
			names = append(names, a.Name)
		}
	}
	return names
}

// studentsOf are whose accounts are, each once.
func (l *Between) studentsOf(accounts []string) (students []string) {
	for _, account := range accounts {
		if s := l.studentOf(account); s != "" && !slices.Contains(students, s) {
			students = append(students, s)
		}
	}
	return students
}

// studentOf is whose an account is, "" nobody's.
func (l *Between) studentOf(account string) string {
	for _, a := range l.cfg.Spec.Accounts {
		if a.Name == account {
			return a.Student
		}
	}
	return ""
}

// replacement is what is to be put in place of accounts' belongings.
type replacement struct {
	accounts []string
	scope    belongings.Scope
	archives []archive                   // one for each account
	work     map[string]progress.History // that goes on, by student; nil: everybody begins anew
	taken    time.Time                   // when it was copied
	state    *staged                     // indexes, queue and log to go with them; nil: everything begins anew
}

func (r *replacement) close() {
	for _, a := range r.archives {
		a.f.Close()
	}
}

// archive is what accounts are to own, see package belongings.
type archive struct {
	accounts []string
	f        *os.File
}

// replace does it in three steps: everything is put aside; then, with all mail at rest, it is put in place; then mail
// flows again, in a new epoch. What fails in the first step changes nothing.
func (l *Between) replace(ctx context.Context, r *replacement) (report control.ResetReport, err error) {
	l.lifecycle.Lock()
	defer l.lifecycle.Unlock()
	if l.clearing != nil {
		<-l.clearing
	}
	dropped := l.countAll(ctx, r.accounts)
	if err := each(r.archives, func(a archive) error {
		return l.cfg.Belongings.Prepare(ctx, a.accounts, r.scope, a.f)
	}); err != nil {
		return report, errors.Join(err, l.cfg.Belongings.Abort(ctx, r.accounts))
	}
	ctx = context.WithoutCancel(ctx) // from here on there is no half way
	reopen := func() {}
	if r.scope.Inbox() {
		report.Sessions, reopen = l.cfg.EndSessions(func(account string) bool { return slices.Contains(r.accounts, account) })
	}
	defer reopen()
	calm := l.cfg.Spool.Hurry()
	release := l.cfg.Queue.Hold()
	err = l.swap(ctx, r, &report)
	calm()
	err = errors.Join(err, release())
	if len(report.Accounts) == 0 {
		return report, err
	}
	report.Accounts = withDropped(report.Accounts, dropped)
	err = errors.Join(err, l.beginEpoch(r, &report)) // also when something was not to be replaced: the rest was
	l.clear(ctx, r.accounts)
	return report, err
}

// clearPatience is how long a reset waits until what was replaced is removed. A student may have so much that it takes
// minutes; then it goes on without anybody waiting but the next reset.
const clearPatience = time.Second

// clear removes what was replaced. What cannot be removed is in nobody's way.
func (l *Between) clear(ctx context.Context, accounts []string) {
	done := make(chan struct{})
	l.clearing = done
	go func() {
		defer close(done)
		if err := l.cfg.Belongings.Abort(ctx, accounts); err != nil {
			l.cfg.Log.Warn("removing what was replaced", "err", err)
		}
	}()
	select {
	case <-done:
	case <-time.After(clearPatience):
	}
}

// swap puts what was prepared in place, with the queue held.
func (l *Between) swap(ctx context.Context, r *replacement, report *control.ResetReport) error {
	thaw, err := l.cfg.Spool.Freeze()
	if err != nil {
		return err
	}
	defer thaw()
	ended, err := l.cfg.Belongings.Commit(ctx, r.accounts, r.scope)
	for _, account := range r.accounts {
		one := control.ResetAccount{Name: account, Student: l.studentOf(account)}
		for _, e := range ended {
			if e.Account == account {
				one.Ended = append(one.Ended, e.Program)
			}
		}
		report.Accounts = append(report.Accounts, one)
	}
	if !r.scope.Inbox() {
		return err
	}
	for _, account := range r.accounts {
		err = errors.Join(err, l.cfg.Spool.Forget(account), l.cfg.Subscribe(account, nil))
	}
	var cleared error
	report.Queued, cleared = l.cfg.Queue.Discard(l.sentOrMeant(r.accounts))
	return errors.Join(err, cleared, r.state.put(l, r.accounts, r.scope))
}

// each does it for all of them, a few at a time.
func each[T any](all []T, do func(T) error) error {
	var group errgroup.Group
	group.SetLimit(sideBySide)
	for _, one := range all {
		group.Go(func() error { return do(one) })
	}
	return group.Wait()
}

// sentOrMeant picks the waiting mail that goes with accounts: all of it when they are everybody, else what one of them
// sent and what is for none but them and their servers.
func (l *Between) sentOrMeant(accounts []string) func(*mail.Envelope) bool {
	if len(accounts) == len(l.cfg.Spec.Accounts) {
		return func(*mail.Envelope) bool { return true }
	}
	theirs := func(address string) bool {
		local, domain, _ := strings.Cut(strings.ToLower(address), "@")
		return slices.Contains(accounts, local) && (domain == "" || slices.Contains(l.cfg.Spec.Locals, domain))
	}
	routed := func(address string) bool { // to a server of theirs
		return slices.ContainsFunc(l.cfg.Spec.Routes, func(r spec.Route) bool {
			return strings.EqualFold(r.To, address) && slices.Contains(accounts, r.Account)
		})
	}
	return func(e *mail.Envelope) bool {
		return slices.Contains(accounts, e.User) || theirs(e.Sender.Full) ||
			!slices.ContainsFunc(e.Recipients, func(r mail.Recipient) bool { return !theirs(r.Full) && !routed(r.Full) })
	}
}

// countAll counts what is in mailboxes, as far as that is to be had.
func (l *Between) countAll(ctx context.Context, accounts []string) map[string]int {
	ctx, cancel := context.WithTimeout(ctx, time.Second/4)
	defer cancel()
	counts := map[string]int{}
	for _, account := range accounts {
		if c, err := l.cfg.Spool.Counts(ctx, account); err == nil {
			counts[account] = c.Messages
		}
	}
	return counts
}

func withDropped(accounts []control.ResetAccount, dropped map[string]int) []control.ResetAccount {
	for i := range accounts {
		accounts[i].Dropped = dropped[accounts[i].Name]
	}
	return accounts
}

// beginEpoch begins a new one when everybody was put back. On a shared server the others' evidence goes on counting, and
// only that of who was put back counts no more. Work that was copied goes on.
func (l *Between) beginEpoch(r *replacement, report *control.ResetReport) error {
	work := l.cfg.Work()
	if len(r.accounts) < len(l.cfg.Spec.Accounts) {
		if err := work.StartAgain(r.accounts); err != nil {
			return err
		}
	} else {
		if err := l.newEpoch(); err != nil {
			return err
		}
		report.Epoch = l.cfg.Epochs.Current().Number
	}
	if len(r.work) == 0 {
		return nil
	}
	return work.Resume(r.accounts, r.work, r.taken)
}

// startArchives are what accounts own at the start: their starting mail, what every home has, the lab's files. Most have the
// same, and share an archive.
func (l *Between) startArchives(accounts []string, scope belongings.Scope) (all []archive, err error) {
	now, at := l.cfg.Now(), map[[sha256.Size]byte]int{}
	var text bytes.Buffer
	for _, account := range accounts {
		text.Reset()
		w := tar.NewWriter(&text)
		if err := errors.Join(l.writeStart(w, account, scope, now), w.Close()); err != nil {
			return all, fmt.Errorf("what %s starts with: %w", account, err)
		}
		sum := sha256.Sum256(text.Bytes())
		i, known := at[sum]
		if !known {
			i = len(all)
			f, err := Stage(l.cfg.StateDir)
			if err != nil {
				return all, err
			}
			at[sum], all = i, append(all, archive{f: f})
			if _, err := f.Write(text.Bytes()); err != nil {
				return all, err
			}
		}
		all[i].accounts = append(all[i].accounts, account)
	}
	return all, nil
}

func (l *Between) writeStart(w *tar.Writer, account string, scope belongings.Scope, now time.Time) error {
	if scope.Inbox() {
		var box strings.Builder
		if err := mbox.Whole(&box, l.startingMail(func(name string) bool { return name == account }), l.cfg.Zone); err != nil {
			return err
		}
		if err := writeEntry(w, "inbox", 0o660, []byte(box.String()), now); err != nil {
			return err
		}
	}
	if scope == belongings.Mail {
		return nil
	}
	files := map[string]entry{}
	if err := l.readSkel(files); err != nil {
		return err
	}
	for _, file := range l.cfg.Spec.Files {
		if rel, ok := strings.CutPrefix(file.Path, "/home/"+account+"/"); ok && file.Account == account {
			files[path.Clean(rel)] = entry{fs.FileMode(file.Mode), file.Data}
		}
	}
	for _, rel := range slices.Sorted(maps.Keys(files)) {
		if err := writeEntry(w, "home/"+rel, files[rel].mode, files[rel].data, now); err != nil {
			return err
		}
	}
	return nil
}

type entry struct {
	mode fs.FileMode
	data []byte
}

// readSkel reads what every home begins with (useradd(8), /etc/skel).
func (l *Between) readSkel(files map[string]entry) error {
	if l.cfg.Skel == "" {
		return nil
	}
	entries, err := os.ReadDir(l.cfg.Skel)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		text, err := os.ReadFile(filepath.Join(l.cfg.Skel, e.Name()))
		if err != nil {
			return err
		}
		files[e.Name()] = entry{0o644, text}
	}
	return nil
}

func writeEntry(w *tar.Writer, name string, mode fs.FileMode, data []byte, when time.Time) error {
	h := &tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: int64(mode.Perm()), Size: int64(len(data)), ModTime: when, Format: tar.FormatPAX}
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	_, err := w.Write(data)
	return err
}

// Stage makes a file that nobody else sees and that is gone when it is closed, or else when the daemon starts again.
func Stage(dir string) (*os.File, error) {
	dir = filepath.Join(dir, stageDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(dir, "*")
	if err != nil {
		return nil, err
	}
	_ = os.Remove(f.Name()) // where an open file cannot be removed, the next start does it
	return f, nil
}

// stageDir is for what is under way; New empties it.
const stageDir = "stage"

// drain reads a reader to its end.
func drain(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}
