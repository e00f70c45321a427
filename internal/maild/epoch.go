package maild

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	maillog "maillab/internal/mail/log"
)

// Epoch is the time since a sandbox's last reset. Evidence belongs to one, by its number.
type Epoch struct {
	Number int       `json:"number"` // from 1
	Start  time.Time `json:"start"`
	// Log is how many octets mail.log had; a shorter one has begun anew since. It is negative when the log was renamed
	// since: so many octets before the end of mail.log.1.
	Log int64 `json:"log"`
}

// epochs keeps the current epoch in epoch.json.
type epochs struct {
	file string

	mu  sync.Mutex
	now Epoch
}

// openEpochs reads the file; without one, the first epoch begins.
func openEpochs(file string, now time.Time) (*epochs, error) {
	e := &epochs{file: file}
	text, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return e, e.set(Epoch{Number: 1, Start: now})
	case err != nil:
		return nil, err
	}
	if err := json.Unmarshal(text, &e.now); err != nil || e.now.Number < 1 {
		return nil, fmt.Errorf("%s: not an epoch: %w", file, errors.Join(err, errors.New("numbers count from 1")))
	}
	return e, nil
}

func (e *epochs) current() Epoch {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.now
}

func (e *epochs) set(next Epoch) error {
	return e.change(func(Epoch) Epoch { return next })
}

func (e *epochs) change(to func(Epoch) Epoch) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	next := to(e.now)
	if err := writeJSON(e.file, next); err != nil {
		return err
	}
	e.now = next
	return nil
}

// logMoved is told that a log of so many octets is mail.log.1 now.
func (e *epochs) logMoved(size int64) error {
	return e.change(func(now Epoch) Epoch {
		now.Log -= size
		return now
	})
}

// Epoch is the current one.
func (d *Daemon) Epoch() Epoch { return d.epochs.current() }

// NewEpoch begins an epoch: evidence from before counts no more, nor does what it had shown. A connection that is open
// goes on belonging to the epoch that it began in. Call it when the reset is done: what the log holds then is before.
func (d *Daemon) NewEpoch() error {
	return d.epochs.change(func(now Epoch) Epoch {
		next := Epoch{Number: now.Number + 1, Start: d.cfg.Now().UTC()}
		if info, err := os.Stat(d.cfg.LogFile); err == nil {
			next.Log = info.Size()
		}
		return next
	})
}

// openEvidence opens what checks look at.
func (d *Daemon) openEvidence() (err error) {
	return errors.Join(d.openRecords(), d.openLedger())
}

// openLog opens the log, and the epoch first, which knows how much of it counts.
func (d *Daemon) openLog() (err error) {
	if d.epochs, err = openEpochs(filepath.Join(d.cfg.StateDir, "epoch.json"), d.cfg.Now().UTC()); err != nil {
		return err
	}
	d.log, err = maillog.Open(maillog.Config{Path: d.cfg.LogFile, Host: d.cfg.Spec.Hostname, Zone: d.zone, Now: d.cfg.Now, Errors: d.cfg.Log,
		Moved: func(size int64) {
			if err := d.epochs.logMoved(size); err != nil {
				d.cfg.Log.Error("the log's place is not noted", "err", err)
			}
		}})
	return err
}
