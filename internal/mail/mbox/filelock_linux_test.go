package mbox

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"maillab/internal/mail"
)

// TestReadersRest: readers that overlap give way after a while, but for those under a hold.
func TestReadersRest(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "box"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	now := time.Unix(0, 0)
	l := newFileLock(f)
	l.now = func() time.Time { return now }
	want := func(what string, err error, refused bool) {
		t.Helper()
		if errors.Is(err, mail.ErrLocked) != refused || !refused && err != nil {
			t.Fatalf("%s: %v, refused should be %v", what, err, refused)
		}
	}
	want("a hold", l.hold(), false)
	now = now.Add(readFor + 1)
	want("a second hold", l.hold(), true)
	want("a reader under the hold", l.acquire(readLock), false)
	l.endHold()
	want("a reader when the hold has ended", l.acquire(readLock), true)
	want("our own writer", l.acquire(writeLock), false)
	l.release(writeLock)
	l.release(readLock)
	want("a reader while others have their turn", l.acquire(readLock), true)
	want("a hold while others have their turn", l.hold(), true)
	now = now.Add(restFor)
	want("a reader after that", l.acquire(readLock), false)
	l.release(readLock)
	want("a reader after a short one", l.acquire(readLock), false)
	l.release(readLock)
}

// TestReadersLetOthersIn: sessions that read and hold without end do not keep another program from its lock, and go on
// when it lets go.
func TestReadersLetOthersIn(t *testing.T) {
	s, dir := newSpool(t)
	three(t, s, dir)
	other, err := os.OpenFile(filepath.Join(dir, "spool", "u"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	read := make(chan struct{})
	for range 4 {
		m := open(t, s, "u", "")
		wg.Go(func() {
			for ctx.Err() == nil {
				release := m.Hold()
				for _, msg := range m.Snapshot().Messages {
					c, err := m.Open(msg.UID)
					if err == nil {
						_, err = c.(*Content).WriteTo(io.Discard)
						c.Close()
					}
					if err != nil {
						t.Error(err)
					}
				}
				release()
				select {
				case read <- struct{}{}:
				default:
				}
			}
		})
	}
	for range 3 {
		<-read
		tries := 0
		for setLock(other, writeLock) != nil {
			tries++
			if tries > 2000 {
				t.Fatal("the lock is never to be had")
			}
			time.Sleep(5 * time.Millisecond) // as mail does, but sooner
		}
		if err := setLock(other, unlocked); err != nil {
			t.Fatal(err)
		}
	}
}
