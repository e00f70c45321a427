package queue

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"maillab/internal/mail"
)

// slowBox delivers to everybody at once, except for util1, whose mailbox is locked until release is closed.
type slowBox struct {
	*spool
	release chan struct{}
}

func (s slowBox) Deliver(ctx context.Context, ds []mail.Delivery) []error {
	for _, d := range ds {
		if d.User != "util1" && d.Done != nil {
			d.Done(nil)
		}
	}
	<-s.release
	return make([]error, len(ds))
}

// TestEarlyOutcomesAreKept: while one mailbox is waited for, that the others have their copy is in the queue file
// already. A daemon that is killed meanwhile does not deliver those again.
func TestEarlyOutcomesAreKept(t *testing.T) {
	b := newBench(t, nil)
	id := b.send(t, "Subject: x\r\n\r\nbody\r\n", "util2", "util1", "a@example.com", "util3")
	file := filepath.Join(b.cfg.Dir, id)
	slow := slowBox{b.spool, make(chan struct{})}
	release := sync.OnceFunc(func() { close(slow.release) })
	defer release()
	b.cfg.Mailboxes = slow
	b.open(t)
	b.run(t)
	until(t, "util3's copy is noted", func() bool {
		text, err := os.ReadFile(file)
		return err == nil && strings.Contains(string(text), `"rcpt":2,"state":"sent"`)
	})
	if text, err := os.ReadFile(file); err != nil || strings.Contains(string(text), `"rcpt":0,"state":"sent"`) {
		t.Errorf("util1 has it while it is locked: %s, %v", text, err)
	}
	release()
	b.log.wait(t, id, "to=<util1@local.isri.fr>", "status=sent")
}
