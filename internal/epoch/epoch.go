// Package epoch is the time since a sandbox's last reset. Evidence belongs to one, by its number.
//
// It is kept in epoch.json: {"number":2,"start":"2026-03-26T11:09:05Z","log":7}.
package epoch

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"maillab/internal/safeio"
)

// Epoch is one of them.
type Epoch struct {
	Number int       `json:"number"` // from 1
	Start  time.Time `json:"start"`
	// Log is how many octets mail.log had; a shorter one has begun anew since. It is negative when the log was renamed
	// since: so many octets before the end of mail.log.1.
	Log int64 `json:"log"`
}

// Keeper keeps the current epoch in its file.
type Keeper struct {
	file string

	mu  sync.Mutex
	now Epoch
}

// Open reads the file; without one, the first epoch begins.
func Open(file string, now time.Time) (*Keeper, error) {
	var kept *Epoch
	if err := safeio.ReadJSON(file, &kept); err != nil {
		return nil, err
	}
	k := &Keeper{file: file}
	switch {
	case kept == nil:
		first := Epoch{Number: 1, Start: now}
		return k, k.change(func(Epoch) Epoch { return first })
	case kept.Number < 1:
		return nil, fmt.Errorf("%s: %w", file, errors.New("epochs count from 1"))
	}
	k.now = *kept
	return k, nil
}

// Current is the one that counts.
func (k *Keeper) Current() Epoch {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.now
}

// Begin begins the next one: evidence from before counts no more, nor does what it had shown. A connection that is open
// goes on belonging to the epoch that it began in. log is how many octets mail.log has: what it holds then is before.
func (k *Keeper) Begin(now time.Time, log int64) error {
	return k.change(func(last Epoch) Epoch { return Epoch{Number: last.Number + 1, Start: now, Log: log} })
}

// LogMoved is told that a log of so many octets is mail.log.1 now.
func (k *Keeper) LogMoved(size int64) error {
	return k.change(func(now Epoch) Epoch {
		now.Log -= size
		return now
	})
}

func (k *Keeper) change(to func(Epoch) Epoch) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	next := to(k.now)
	if err := safeio.WriteJSON(k.file, next); err != nil {
		return err
	}
	k.now = next
	return nil
}
