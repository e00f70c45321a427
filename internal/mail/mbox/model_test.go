package mbox

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/mail"
)

// model is what must be in one mailbox, beside the mailbox itself and the others who use it.
type model struct {
	t    *testing.T
	rnd  *rand.Rand
	dir  string
	path string
	now  func() time.Time

	spool    *Spool
	sessions []*Mailbox
	reader   *os.File // somebody else's, open

	want     []modelMessage // by UID
	validity uint32
	count    int
	steps    []string
}

type modelMessage struct {
	UID     uint32
	Flags   mail.Flags
	Wire    string
	Subject string
}

func (m *model) restart() {
	m.closeSessions()
	if m.spool != nil {
		if m.rnd.IntN(2) == 0 {
			m.spool.abandon() // killed
		} else if err := m.spool.Close(); err != nil {
			m.t.Error(err)
		}
	}
	var err error
	m.spool, err = New(Config{Files: PlainFiles(m.dir), StateDir: filepath.Join(m.dir, "state"), Zone: time.UTC, Now: m.now})
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m *model) closeSessions() {
	for _, s := range m.sessions {
		if err := s.Close(); err != nil {
			m.t.Error(err)
		}
	}
	m.sessions = nil
}

// session returns an open session, or opens one.
func (m *model) session() *Mailbox {
	if len(m.sessions) > 0 && m.rnd.IntN(3) > 0 {
		return m.sessions[m.rnd.IntN(len(m.sessions))]
	}
	s, err := m.spool.Mailbox(context.Background(), "u", Inbox)
	if err != nil {
		m.t.Fatal(err)
	}
	m.sessions = append(m.sessions, s)
	return s
}

func (m *model) message() (subject string, raw []byte) {
	m.count++
	subject = fmt.Sprintf("number %d", m.count)
	if m.rnd.IntN(8) == 0 {
		subject = "the same again"
	}
	return subject, []byte("Subject: " + subject + "\n\n" + strings.Repeat("From me\n\n", m.rnd.IntN(4)))
}

func (m *model) expect(uid uint32, flags mail.Flags, subject string, raw []byte) {
	m.want = append(m.want, modelMessage{uid, flags, strings.ReplaceAll(string(raw), "\n", "\r\n"), subject})
}

func (m *model) step() {
	ctx := context.Background()
	switch m.rnd.IntN(11) {
	case 0, 1:
		subject, raw := m.message()
		m.steps = append(m.steps, "deliver "+subject)
		if err := m.spool.Deliver(ctx, []mail.Delivery{{User: "u", Sender: "a@x", Body: raw}})[0]; err != nil {
			m.t.Fatal(err)
		}
		m.expect(0, 0, subject, raw)
	case 2:
		subject, raw := m.message()
		m.steps = append(m.steps, "append "+subject)
		uids, err := m.session().Append(ctx, []mail.Delivery{{Body: raw, Flags: mail.Flagged}})
		if err != nil || len(uids) != 1 {
			m.t.Fatal(uids, err)
		}
		m.expect(uids[0], mail.Flagged, subject, raw)
	case 3, 4:
		m.store(ctx)
	case 5:
		m.expunge(ctx)
	case 6:
		m.steps = append(m.steps, "tidy")
		if err := m.spool.Tidy(ctx); err != nil {
			m.t.Fatal(err)
		}
	case 7:
		m.toggleReader()
	case 8:
		m.otherProgram()
	case 9:
		m.steps = append(m.steps, "close sessions")
		m.closeSessions()
	case 10:
		m.steps = append(m.steps, "restart")
		m.restart()
	}
}

func (m *model) store(ctx context.Context) {
	s := m.session()
	refresh(m.t, s)
	m.learn(s)
	if len(m.want) == 0 {
		return
	}
	i := m.rnd.IntN(len(m.want))
	flags := []mail.Flags{mail.Seen, mail.Flagged, mail.Answered, mail.Deleted, mail.Draft}[m.rnd.IntN(5)]
	op := mail.StoreOp(m.rnd.IntN(3))
	m.steps = append(m.steps, fmt.Sprintf("store %d: %d %v", m.want[i].UID, op, flags))
	if _, err := s.Store(ctx, []uint32{m.want[i].UID}, mail.FlagChange{Op: op, Flags: flags}); err != nil {
		m.t.Fatal(err)
	}
	m.want[i].Flags, _ = mail.FlagChange{Op: op, Flags: flags}.Apply(m.want[i].Flags, nil)
}

func (m *model) expunge(ctx context.Context) {
	s := m.session()
	refresh(m.t, s)
	m.learn(s)
	if len(m.want) == 0 {
		return
	}
	i := m.rnd.IntN(len(m.want))
	m.steps = append(m.steps, fmt.Sprintf("expunge %d", m.want[i].UID))
	if _, err := s.Expunge(ctx, []uint32{m.want[i].UID}); err != nil {
		m.t.Fatal(err)
	}
	m.want = slices.Delete(m.want, i, i+1)
}

func (m *model) toggleReader() {
	if m.reader != nil {
		m.steps = append(m.steps, "reader closes")
		m.reader.Close()
		m.reader = nil
		return
	}
	m.steps = append(m.steps, "reader opens")
	m.reader, _ = os.Open(m.path)
}

// otherProgram does what mail does: it removes a message that it can see in the file, or marks one as read, and
// rewrites the file in place or by renaming.
func (m *model) otherProgram() {
	text, err := os.ReadFile(m.path)
	if err != nil || len(text) == 0 {
		return
	}
	all, recs := serve(m.t, string(text), 4096)
	i := m.rnd.IntN(len(recs))
	for j := range recs {
		if j != i && all[j] == all[i] {
			return // which of two equal ones was meant cannot be known
		}
	}
	at := slices.IndexFunc(m.want, func(w modelMessage) bool { return w.Wire == all[i] })
	message := string(text[recs[i].start:recs[i].end])
	if m.rnd.IntN(3) == 0 {
		message = ""
		if at >= 0 {
			m.want = slices.Delete(m.want, at, at+1)
		}
	} else if recs[i].mark&mail.Seen == 0 {
		message = strings.Replace(message, "\nStatus: O\n", "\n", 1)
		message = strings.Replace(message, "\n\n", "\nX-UID: 9\nStatus: OR\n\n", 1)
		message = strings.Replace(message, "a@x  ", "a@x ", 1)
		if at >= 0 {
			m.want[at].Flags |= mail.Seen
		}
	}
	m.steps = append(m.steps, fmt.Sprintf("other program: %q", message))
	out := string(text[:recs[i].start]) + message + string(text[recs[i].end:])
	path := m.path
	if m.rnd.IntN(2) == 0 {
		path += ".new"
	}
	if err := os.WriteFile(path, []byte(out), 0o600); err != nil {
		m.t.Fatal(err)
	}
	if path != m.path {
		if err := os.Rename(path, m.path); err != nil {
			m.t.Fatal(err)
		}
	}
}

// learn takes over the UIDs of messages that no session has shown yet: they must be new, and ascend.
func (m *model) learn(s *Mailbox) {
	snap := s.Snapshot()
	if m.validity == 0 {
		m.validity = snap.UIDValidity
	}
	last := uint32(0)
	for _, w := range m.want {
		last = max(last, w.UID)
	}
	known := map[uint32]bool{}
	for _, w := range m.want {
		known[w.UID] = true
	}
	for _, msg := range snap.Messages {
		if known[msg.UID] {
			continue
		}
		if i := slices.IndexFunc(m.want, func(w modelMessage) bool { return w.UID == 0 }); i >= 0 {
			m.want[i].UID = msg.UID
		}
	}
	slices.SortStableFunc(m.want, func(a, b modelMessage) int { return int(a.UID) - int(b.UID) })
}

// check compares what a session sees with the model.
func (m *model) check() {
	s := m.session()
	refresh(m.t, s)
	m.learn(s)
	snap := s.Snapshot()
	got := []modelMessage{}
	for _, msg := range snap.Messages {
		text := wire(m.t, s, msg.UID)
		got = append(got, modelMessage{msg.UID, msg.Flags, text, subjectOnly(text)})
	}
	if diff := cmp.Diff(m.want, got); diff != "" {
		m.t.Fatalf("after\n%s\n-want +got:\n%s\n%s", strings.Join(m.steps, "\n"), diff, read(m.t, m.path))
	}
	if snap.UIDValidity != m.validity {
		m.t.Fatalf("UIDVALIDITY was %d, is %d", m.validity, snap.UIDValidity)
	}
}

func subjectOnly(text string) string {
	subject, _, _ := strings.Cut(strings.TrimPrefix(text, "Subject: "), "\r\n")
	return subject
}

// TestModel lets sessions, deliveries, another mail reader, crashes and tidying take turns at random.
func TestModel(t *testing.T) {
	for seed := range uint64(10) {
		dir := t.TempDir()
		m := &model{t: t, rnd: rand.New(rand.NewPCG(seed, 1)), dir: dir, path: filepath.Join(dir, "spool", "u"),
			now: time.Now, want: []modelMessage{}}
		if seed%2 == 1 { // changes lie long back: no look is repeated for being too close to one
			m.now = func() time.Time { return time.Now().Add(time.Hour) }
		}
		m.restart()
		for range 120 {
			m.step()
			m.check()
		}
		if m.reader != nil {
			m.reader.Close()
		}
		m.closeSessions()
		if err := m.spool.Close(); err != nil {
			t.Error(err)
		}
	}
}
