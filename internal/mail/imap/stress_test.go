package imap_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// mirror is what a client knows of its mailbox from the responses alone: the UIDs by sequence number, 0 where it has
// not asked yet.
type mirror struct {
	uids []uint32
}

// hear takes one untagged response into account. It fails for a number that cannot be.
func (m *mirror) hear(line string) error {
	match := regexp.MustCompile(`^\* (\d+) (EXISTS|EXPUNGE|FETCH \(.*UID (\d+))`).FindStringSubmatch(line)
	if match == nil {
		return nil
	}
	n, _ := strconv.Atoi(match[1])
	switch {
	case match[2] == "EXISTS":
		if n < len(m.uids) {
			return fmt.Errorf("%q, but there are %d", line, len(m.uids))
		}
		m.uids = append(m.uids, make([]uint32, n-len(m.uids))...)
	case n < 1 || n > len(m.uids):
		return fmt.Errorf("%q, but there are %d", line, len(m.uids))
	case match[2] == "EXPUNGE":
		m.uids = append(m.uids[:n-1], m.uids[n:]...)
	default:
		uid, _ := strconv.ParseUint(match[3], 10, 32)
		if known := m.uids[n-1]; known != 0 && known != uint32(uid) {
			return fmt.Errorf("%q, but it was UID %d", line, known)
		}
		m.uids[n-1] = uint32(uid)
	}
	for i := 1; i < len(m.uids); i++ {
		if a, b := m.uids[i-1], m.uids[i]; a != 0 && b != 0 && a >= b {
			return fmt.Errorf("%q: UIDs do not ascend: %v", line, m.uids)
		}
	}
	return nil
}

// TestManyAtOnce: sessions that change one mailbox at the same time never see a sequence number that is stale, and in
// the end all see the same.
func TestManyAtOnce(t *testing.T) {
	backend, server := start(t, "dovecot")
	const sessions, steps = 6, 120
	var wg sync.WaitGroup
	finals := make([]string, sessions)
	var ready sync.WaitGroup
	ready.Add(sessions)
	for i := range sessions {
		c := connect(t, server)
		c.ok("LOGIN util1 master2021")
		wg.Go(func() {
			rnd, m := rand.New(rand.NewPCG(uint64(i), 1)), &mirror{}
			do := func(cmd string) []string {
				lines := c.cmd(cmd)
				for _, line := range lines {
					if err := m.hear(line); err != nil {
						t.Errorf("session %d, %s: %v", i, cmd, err)
					}
				}
				return lines
			}
			do("SELECT INBOX")
			for range steps {
				n := 1 + rnd.IntN(max(len(m.uids), 1))
				switch rnd.IntN(8) {
				case 0:
					backend.Deliver("util1", "INBOX", time.Unix(0, 0), "Subject: x\n\ny\n")
				case 1:
					do(fmt.Sprintf("STORE %d +FLAGS (\\Deleted)", n))
				case 2:
					do("EXPUNGE")
				case 3:
					do(fmt.Sprintf("FETCH %d:* (UID FLAGS)", n))
				case 4:
					do("NOOP")
				case 5:
					do(fmt.Sprintf("COPY %d INBOX", n))
				case 6:
					do(fmt.Sprintf("FETCH %d BODY[]", n))
				case 7:
					do("SEARCH UNSEEN")
				}
			}
			ready.Done()
			ready.Wait()
			do("NOOP")
			do("FETCH 1:* UID")
			finals[i] = strings.Trim(fmt.Sprint(m.uids), "[]")
		})
	}
	wg.Wait()
	for i, f := range finals {
		if f != finals[0] {
			t.Errorf("session %d sees %s, session 0 %s", i, f, finals[0])
		}
	}
}
