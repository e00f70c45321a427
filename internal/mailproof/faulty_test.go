//go:build linux

package mailproof

import (
	"context"
	"math/rand/v2"
	"os"
	"sync"
	"syscall"

	"maillab/internal/mail"
	"maillab/internal/mail/mbox"
)

// faulty is Files on a bad day: now and then a mailbox cannot be opened or is locked, or its descriptor cannot be
// written to, so that the write fails with EBADF half-way through whatever is being done.
type faulty struct {
	mbox.Files

	mu  sync.Mutex
	rnd *rand.Rand
}

func newFaulty(files mbox.Files, seed uint64) *faulty {
	return &faulty{Files: files, rnd: rand.New(rand.NewPCG(seed, 0))}
}

// once in n times it is a bad moment.
func (f *faulty) once(n int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rnd.IntN(n) == 0
}

// Open implements mbox.Files.
func (f *faulty) Open(ctx context.Context, user, box string, flag int) (*os.File, error) {
	switch {
	case f.once(40):
		return nil, &os.PathError{Op: "open", Path: user, Err: syscall.EIO}
	case flag&os.O_RDWR != 0 && flag&os.O_CREATE == 0 && f.once(10):
		return f.Files.Open(ctx, user, box, os.O_RDONLY)
	}
	return f.Files.Open(ctx, user, box, flag)
}

// Lock implements mbox.Files.
func (f *faulty) Lock(ctx context.Context, user, box string) (func(), error) {
	if f.once(20) {
		return nil, mail.ErrLocked
	}
	return f.Files.Lock(ctx, user, box)
}
