//go:build linux

package mailproof

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// TestManyAtOnce lets IMAP, POP3, SMTP and mail work on one mailbox together. Each IMAP session keeps its own view of
// the sequence numbers from what it is told, and holds every answer against it. A mailbox in which mail crashed, which is
// no fault of ours (see account), says nothing of what is in it: then another crowd comes.
func TestManyAtOnce(t *testing.T) {
	rounds := 25
	if testing.Short() {
		rounds = 8
	}
	for range 5 {
		if manyAtOnce(t, rounds) {
			return
		}
		t.Log("mail crashed: its mailbox is not judged")
	}
	t.Error("nothing was proven: mail crashed each time")
}

// manyAtOnce tells whether the mailbox could be judged in the end.
func manyAtOnce(t *testing.T, rounds int) (judged bool) {
	d := newDaemon(t, settings{})
	const user = "util1"
	l := newLedger()
	reader, missing := newMailUser(t, d, user, 0)
	var readers []*mailUser
	if missing != "" {
		t.Log(missing)
	} else {
		readers = append(readers, reader)
	}
	d.start()
	crowd(t, d, l, reader, user, rounds)
	d.awaitQueue()
	d.stop()
	d.start()
	a := l.account(t, d, readers, false)
	t.Logf("%d messages: %d deleted, %d left, %d lost, %d torn, %d twice", len(l.known), a.gone, a.left, a.lost, a.torn, a.twice)
	for entry, f := range l.known {
		if f.expunged && l.found[entry] > 0 {
			t.Errorf("%s was expunged, and is there again", entry)
		}
	}
	if judged = reader == nil || reader.crashed.Load() == 0; judged && (a.gone == 0 || len(l.known) < rounds) {
		t.Error("nothing was proven")
	}
	return judged
}

// crowd is four IMAP sessions with a sender each, a POP3 user who comes again and again, and mail where there is one.
func crowd(t *testing.T, d *daemon, l *ledger, reader *mailUser, user string, rounds int) {
	var sessions sync.WaitGroup
	u := &uidMap{ids: map[string]string{}}
	for i := range 4 {
		sessions.Go(func() {
			v := &view{user: user, uids: u, ledger: l, rnd: rand.New(rand.NewPCG(uint64(i), 7)),
				sender: newSender(fmt.Sprintf("s%d", i), d.addr("smtp"), l, uint64(i))}
			defer v.sender.hangUp()
			if err := v.run(d.addr("imap"), rounds, i == 0); err != nil {
				t.Errorf("IMAP session %d: %v", i, err)
			}
		})
	}
	sessions.Go(func() {
		for range rounds {
			// A message that an IMAP session removed since the login cannot be read any more; who then hangs up without
			// QUIT may be back before that was noticed.
			err := collect(t.Context(), d.addr("pop3"), user, l)
			if err != nil && !strings.Contains(err.Error(), "Message is gone") && !strings.Contains(err.Error(), "[IN-USE]") {
				t.Errorf("POP3: %v", err)
			}
		}
	})
	if reader != nil {
		sessions.Go(func() {
			for range rounds / 2 {
				reader.use("p 1\np 2\nq\n")
			}
		})
	}
	sessions.Wait()
}

// uidMap is what all sessions saw: a UID never means another message.
type uidMap struct {
	mu  sync.Mutex
	ids map[string]string // "UIDVALIDITY/UID"
}

func (u *uidMap) check(validity, uid, id string) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	key := validity + "/" + uid
	if was, ok := u.ids[key]; ok && was != id {
		return fmt.Errorf("UID %s was %s and is %s", key, was, id)
	}
	u.ids[key] = id
	return nil
}

// view is an IMAP session with what it was told: the UID behind each sequence number, "" where it has not asked yet.
type view struct {
	user     string
	uids     *uidMap
	ledger   *ledger
	rnd      *rand.Rand
	sender   *sender // of new mail, as the session goes on
	c        *typist
	validity string
	seq      []string
	ids      map[string]string // subject by UID
}

func (v *view) run(addr string, rounds int, idles bool) (err error) {
	if v.c, err = dial(addr); err != nil {
		return err
	}
	defer v.c.Close()
	v.ids = map[string]string{}
	for _, text := range []string{"LOGIN " + v.user + " " + password, "SELECT INBOX"} {
		if err := v.do(text); err != nil {
			return err
		}
	}
	for n := range rounds {
		if idles && n%3 == 0 {
			if err := v.idle(); err != nil {
				return err
			}
		}
		for range 3 {
			if err := v.more(); err != nil {
				return err
			}
		}
		if err := v.do("NOOP"); err != nil {
			return err
		}
		if len(v.seq) == 0 {
			continue
		}
		if err := v.do("FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])"); err != nil {
			return err
		}
		if err := v.deleteOne(); err != nil {
			return err
		}
	}
	return v.do("LOGOUT")
}

// more has a message come. There is room, and nobody keeps the mailbox: it is taken.
func (v *view) more() error {
	taken, err := v.sender.next([]string{v.user})
	if err == nil && !taken {
		err = fmt.Errorf("%s is refused: %w", v.sender.name, v.sender.refused)
	}
	return err
}

// deleteOne marks a message by its sequence number and expunges it by its UID: if the number was stale, another one
// would be marked, and this one stay.
func (v *view) deleteOne() error {
	n := v.rnd.IntN(len(v.seq))
	uid := v.seq[n]
	if uid == "" || len(v.seq) < 5 {
		return nil
	}
	v.ledger.away(v.user, v.ids[uid])
	if err := v.do(fmt.Sprintf("STORE %d +FLAGS (\\Deleted)", n+1)); err != nil {
		return err
	}
	if err := v.do("UID EXPUNGE " + uid); err != nil {
		return err
	}
	if err := v.do("NOOP"); err != nil {
		return err
	}
	if slices.Contains(v.seq, uid) {
		return fmt.Errorf("UID %s is still there after it was marked as number %d and expunged", uid, n+1)
	}
	v.ledger.note(letter{id: v.ids[uid], to: []string{v.user}}, func(f *fate) { f.expunged = true })
	return nil
}

// idle waits for one change: a message, or what another session does before.
func (v *view) idle() error {
	if _, err := v.c.say("t IDLE", "+"); err != nil {
		return err
	}
	if err := v.more(); err != nil {
		return err
	}
	line, err := v.c.line()
	if err == nil {
		err = v.told(line, "IDLE")
	}
	if err != nil {
		return err
	}
	return v.finish("DONE", "IDLE")
}

// do says a command and takes in all that is told until it is done.
func (v *view) do(text string) error { return v.finish("t "+text, text) }

func (v *view) finish(typed, command string) error {
	if _, err := fmt.Fprintf(v.c, "%s\r\n", typed); err != nil {
		return err
	}
	for {
		line, err := v.c.line()
		if err != nil {
			return fmt.Errorf("%s: %w", command, err)
		}
		switch {
		case strings.HasPrefix(line, "t OK"), strings.HasPrefix(line, "t NO [EXPUNGEISSUED]"): // RFC 2180, 4.1.2
			return nil
		case strings.HasPrefix(line, "t "):
			return fmt.Errorf("%s: %s", command, line)
		}
		if err := v.told(line, command); err != nil {
			return fmt.Errorf("%s: %w", command, err)
		}
	}
}

var (
	number   = regexp.MustCompile(`^\* (\d+) (EXISTS|EXPUNGE|FETCH)(.*)`)
	uidItem  = regexp.MustCompile(`\bUID (\d+)`)
	validity = regexp.MustCompile(`\[UIDVALIDITY (\d+)\]`)
)

// told takes in one untagged line.
func (v *view) told(line, command string) error {
	if m := validity.FindStringSubmatch(line); m != nil {
		v.validity = m[1]
	}
	m := number.FindStringSubmatch(line)
	if m == nil {
		return nil
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return err
	}
	switch m[2] {
	case "EXISTS":
		if n < len(v.seq) {
			return fmt.Errorf("%d messages exist, there were %d and none was expunged", n, len(v.seq))
		}
		v.seq = append(v.seq, make([]string, n-len(v.seq))...)
	case "EXPUNGE":
		if n > len(v.seq) || strings.HasPrefix(command, "FETCH") || strings.HasPrefix(command, "STORE") {
			return fmt.Errorf("%q of %d (RFC 3501, 7.4.1)", line, len(v.seq))
		}
		v.seq = slices.Delete(v.seq, n-1, n)
	case "FETCH":
		return v.fetched(n, m[3])
	}
	return nil
}

// fetched holds a FETCH against the view.
func (v *view) fetched(n int, items string) error {
	if n > len(v.seq) {
		return fmt.Errorf("FETCH of %d, there are %d", n, len(v.seq))
	}
	m := uidItem.FindStringSubmatch(items)
	if m == nil {
		return nil // flags that somebody else changed
	}
	if was := v.seq[n-1]; was != "" && was != m[1] {
		return fmt.Errorf("number %d was UID %s and is %s", n, was, m[1])
	}
	v.seq[n-1] = m[1]
	if !strings.HasSuffix(items, "}") {
		return nil
	}
	subject, err := v.c.line()
	if err != nil {
		return err
	}
	id := subjectOf(subject)
	v.ids[m[1]] = id
	return v.uids.check(v.validity, m[1], id)
}
