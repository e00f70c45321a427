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
)

// Epoch is the time since a sandbox's last reset. Evidence belongs to one, by its number.
type Epoch struct {
	Number int       `json:"number"` // from 1
	Start  time.Time `json:"start"`
	Log    int64     `json:"log"` // mail.log was so many octets long; a shorter one has begun anew since
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
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := writeJSON(e.file, next); err != nil {
		return err
	}
	e.now = next
	return nil
}

// Epoch is the current one.
func (d *Daemon) Epoch() Epoch { return d.epochs.current() }

// NewEpoch begins an epoch: evidence from before counts no more, nor does what it had shown. A connection that is open
// goes on belonging to the epoch that it began in. Call it when the reset is done: what the log holds then is before.
func (d *Daemon) NewEpoch() error {
	next := Epoch{Number: d.Epoch().Number + 1, Start: d.cfg.Now().UTC()}
	if info, err := os.Stat(d.cfg.LogFile); err == nil {
		next.Log = info.Size()
	}
	return d.epochs.set(next)
}

// openEvidence opens what checks look at.
func (d *Daemon) openEvidence() (err error) {
	if d.epochs, err = openEpochs(filepath.Join(d.cfg.StateDir, "epoch.json"), d.cfg.Now().UTC()); err != nil {
		return err
	}
	return errors.Join(d.openRecords(), d.openLedger())
}
