package lesson

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"maillab/internal/belongings"
	"maillab/internal/progress"
	"maillab/internal/recording"
)

// A sandbox as a tar stream:
//
//	sandbox.json            a Picture: what it is a picture of; always first
//	progress.json           what is known of students' work, by student: a progress.History; none without tasks
//	accounts/NAME/inbox     and accounts/NAME/home/…: see package belongings
//	index/NAME/BOX.index    UIDs and flags: see package mbox
//	queue/ID                waiting mail: see package queue
//	log/mail.log
//	subscribed.json
//	recordings/STUDENT/ID.cast  what a terminal of the page showed: see package recording; always last
//
// Unknown entries are refused: whoever wrote them meant something by them.
const (
	pictureEntry    = "sandbox.json"
	progressEntry   = "progress.json"
	accountsPrefix  = "accounts/"
	indexPrefix     = "index/"
	queuePrefix     = "queue/"
	logEntry        = "log/mail.log"
	subscribedEntry = "subscribed.json"

	recordingsPrefix = "recordings/"
	recordingSuffix  = ".cast"
)

// pictureVersion is the format that this code writes and reads.
const pictureVersion = 1

// Picture says what an archive is a picture of.
type Picture struct {
	Version  int       `json:"version"`
	Lab      string    `json:"lab"`
	Instance string    `json:"instance"`
	Seat     int       `json:"seat"`
	Time     time.Time `json:"time"`
	Accounts []string  `json:"accounts"`
	LeftOut  []string  `json:"left_out,omitempty"` // files that could not be read
}

// locksPatience is how long students' locks and leases may delay a snapshot once all mail is at rest. To end who holds
// one takes a moment more; altogether it stays below two seconds.
const locksPatience = 700 * time.Millisecond

// Save implements control.Lessons: it writes a picture of what students' accounts own, taken at one instant: mail that arrives meanwhile waits. The
// picture is taken to a file first; a slow reader holds nobody up.
func (l *Between) Save(ctx context.Context, students []string, w io.Writer) error {
	accounts := l.accountsOf(students)
	if len(accounts) == 0 {
		return fmt.Errorf("nobody here is called %s", strings.Join(students, ", "))
	}
	p, err := l.takePicture(ctx, accounts, students)
	defer p.close()
	if err != nil {
		return err
	}
	out := tar.NewWriter(w)
	about, err := json.Marshal(p.about)
	if err != nil {
		return err
	}
	if err := writeEntry(out, pictureEntry, 0o600, about, p.about.Time); err != nil {
		return err
	}
	if err := writeWork(out, p.work, p.about.Time); err != nil {
		return err
	}
	for i, account := range accounts {
		if err := copyEntries(out, p.files[i], accountsPrefix+account+"/"); err != nil {
			return fmt.Errorf("account %s: %w", account, err)
		}
	}
	if err := copyEntries(out, p.state, ""); err != nil {
		return err
	}
	if err := l.copyRecordings(out, l.studentsOf(accounts)); err != nil {
		return err
	}
	return out.Close()
}

// copyRecordings copies what students' terminals showed. One whose room is needed meanwhile is left out.
func (l *Between) copyRecordings(out *tar.Writer, students []string) error {
	for _, student := range students {
		for _, k := range l.cfg.Recordings.List(student) {
			var text bytes.Buffer // of recording.MaxRecording at most
			if err := l.cfg.Recordings.Read(student, k.ID, &text); errors.Is(err, recording.ErrNotFound) {
				continue
			} else if err != nil {
				return fmt.Errorf("recording %s of %s: %w", k.ID, student, err)
			}
			if err := writeEntry(out, recordingsPrefix+student+"/"+k.ID+recordingSuffix, 0o600, text.Bytes(), k.Last); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeWork comes before what is large: whoever wants to know it need not read on.
func writeWork(out *tar.Writer, work map[string]progress.History, when time.Time) error {
	if len(work) == 0 {
		return nil
	}
	text, err := json.Marshal(work)
	if err != nil {
		return err
	}
	return writeEntry(out, progressEntry, 0o600, text, when)
}

// picture is a sandbox at one instant, in files that nobody else sees.
type picture struct {
	about Picture
	work  map[string]progress.History
	files []*os.File // one an account
	state *os.File
}

func (p *picture) close() {
	for _, f := range append(p.files, p.state) {
		if f != nil {
			f.Close()
		}
	}
}

func (l *Between) takePicture(ctx context.Context, accounts, students []string) (p picture, err error) {
	s := l.cfg.Spec
	p.about = Picture{Version: pictureVersion, Lab: s.Lab, Instance: s.Instance, Seat: s.Seat, Accounts: accounts}
	p.files = make([]*os.File, len(accounts))
	for i := range p.files {
		if p.files[i], err = Stage(l.cfg.StateDir); err != nil {
			return p, err
		}
	}
	if p.state, err = Stage(l.cfg.StateDir); err != nil {
		return p, err
	}
	l.lifecycle.Lock()
	defer l.lifecycle.Unlock()
	l.countAll(ctx, accounts) // what a crash left in a mailbox is mended before it is copied
	calm := l.cfg.Spool.Hurry()
	defer calm()
	release := l.cfg.Queue.Hold()
	err = l.copyAtRest(ctx, &p, accounts, students)
	return p, errors.Join(err, release())
}

// copyAtRest copies with all mail at rest.
func (l *Between) copyAtRest(ctx context.Context, p *picture, accounts, students []string) error {
	thaw, err := l.cfg.Spool.Freeze()
	if err != nil {
		return err
	}
	defer thaw()
	p.about.Time, p.work = l.cfg.Now().UTC(), l.cfg.Work().Histories(students)
	deadline := time.Now().Add(locksPatience)
	leftOut := make([][]string, len(accounts))
	place := map[string]int{}
	for i, account := range accounts {
		place[account] = i
	}
	err = each(accounts, func(account string) (err error) {
		i := place[account]
		leftOut[i], err = l.cfg.Belongings.Save(ctx, account, belongings.All, max(0, time.Until(deadline)), p.files[i])
		return err
	})
	for i, account := range accounts {
		for _, what := range leftOut[i] {
			p.about.LeftOut = append(p.about.LeftOut, account+": "+what)
		}
	}
	return errors.Join(err, l.copyState(ctx, p.state, accounts, len(students) == 0))
}

// copyState copies what the daemon itself keeps. What is everybody's goes with the whole only: who has left a class may be in it.
func (l *Between) copyState(ctx context.Context, to io.Writer, accounts []string, whole bool) error {
	buffer := bufio.NewWriter(to)
	w := tar.NewWriter(buffer)
	for _, account := range accounts {
		files, err := filepath.Glob(filepath.Join(l.cfg.Spool.IndexDir(account), "*.index"))
		if err != nil {
			return err
		}
		for _, file := range files {
			if err := copyIn(w, file, indexPrefix+account+"/"+filepath.Base(file)); err != nil {
				return err
			}
		}
	}
	if whole {
		if err := l.copyShared(ctx, w); err != nil {
			return err
		}
	}
	return errors.Join(w.Close(), buffer.Flush())
}

func (l *Between) copyShared(ctx context.Context, w *tar.Writer) error {
	queued, err := os.ReadDir(l.queueDir())
	if err != nil {
		return err
	}
	for _, e := range queued {
		if e.Type().IsRegular() {
			err = errors.Join(err, copyIn(w, filepath.Join(l.queueDir(), e.Name()), queuePrefix+e.Name()))
		}
	}
	err = errors.Join(err, l.cfg.FlushLog(ctx))
	return errors.Join(err, copyIn(w, l.cfg.LogFile, logEntry), copyIn(w, l.cfg.Subscribed, subscribedEntry))
}

func (l *Between) queueDir() string { return filepath.Join(l.cfg.StateDir, "queue") }

// copyIn copies a file of ours as it is now; one that is not there is no entry.
func copyIn(w *tar.Writer, file, name string) error {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	h := &tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o600, Size: info.Size(), ModTime: info.ModTime(), Format: tar.FormatPAX}
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	_, err = io.CopyN(w, f, info.Size())
	return err
}

// copyEntries copies an archive that is in a file into w, under a prefix.
func copyEntries(w *tar.Writer, from *os.File, prefix string) error {
	return belongings.Rewound(from, true, func(r io.Reader) error {
		for in := tar.NewReader(r); ; {
			h, err := in.Next()
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
			h.Name = prefix + h.Name
			if err := w.WriteHeader(h); err != nil {
				return err
			}
			if _, err := io.Copy(w, io.LimitReader(in, h.Size)); err != nil { // with a buffer no larger than the entry: most are small
				return err
			}
		}
	})
}
