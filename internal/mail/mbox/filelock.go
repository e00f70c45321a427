package mbox

import (
	"os"
	"sync"
	"time"

	"maillab/internal/mail"
)

// fileLock is the kernel's lock of one open file, shared by all that goes on in this process.
// Invariant: the kernel's lock is writeLock if writer, else readLock if readers > 0, else unlocked.
//
// Readers that overlap without end would keep others out for good: mail asks for its lock once a second, ten times. So
// after readFor no new reader is let in until the last one has gone and restFor has passed. Who reads under a hold is let in
// always, or it would wait for itself.
type fileLock struct {
	mu      sync.Mutex
	f       *os.File
	now     func() time.Time
	readers int // holds among them
	holds   int
	writer  bool
	since   time.Time // when the first of the readers came
	rest    time.Time // until when there are none
}

// How long a file may be read on end, and how long it is left alone then.
const (
	readFor = 250 * time.Millisecond
	restFor = 100 * time.Millisecond
)

func newFileLock(f *os.File) *fileLock { return &fileLock{f: f, now: time.Now} }

// acquire takes the lock at once or returns ErrLocked. Readers are let in beside our own writer: what they read is
// kept still by box.mu.
func (l *fileLock) acquire(kind lockKind) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if kind == writeLock {
		if err := setLock(l.f, writeLock); err != nil {
			return err
		}
		l.writer = true
		return nil
	}
	if l.holds == 0 && l.othersTurn() {
		return mail.ErrLocked
	}
	return l.read()
}

// hold is a read lock for several readings.
func (l *fileLock) hold() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.othersTurn() {
		return mail.ErrLocked
	}
	err := l.read()
	if err == nil {
		l.holds++
	}
	return err
}

// read lets one more reader in. Needs mu.
func (l *fileLock) read() error {
	if !l.writer && l.readers == 0 {
		if err := setLock(l.f, readLock); err != nil {
			return err
		}
	}
	if l.readers == 0 {
		l.since = l.now()
	}
	l.readers++
	return nil
}

// othersTurn tells whether readers have had the file long enough. Needs mu.
func (l *fileLock) othersTurn() bool {
	if l.readers > 0 {
		return l.now().Sub(l.since) > readFor
	}
	return l.now().Before(l.rest)
}

func (l *fileLock) endHold() {
	l.mu.Lock()
	l.holds--
	l.mu.Unlock()
	l.release(readLock)
}

func (l *fileLock) release(kind lockKind) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if kind == writeLock {
		l.writer = false
	} else {
		if l.readers--; l.readers == 0 && l.now().Sub(l.since) > readFor {
			l.rest = l.now().Add(restFor)
		}
		if l.writer || l.readers > 0 {
			return // the kernel's lock is what it has to be
		}
	}
	if l.readers > 0 {
		_ = setLock(l.f, readLock)
	} else {
		_ = setLock(l.f, unlocked)
	}
}
