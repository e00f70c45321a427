package queue

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maillab/internal/mail"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// store keeps queue files; the format is told in the package comment.
type store struct{ dir, tmp, corrupt string }

// openStore makes the directories and throws away what was never finished: nobody got a 250 for it.
func openStore(dir string) (*store, error) {
	var s store
	var err error
	if s.dir, err = mailDir(dir); err != nil {
		return nil, err
	}
	if s.tmp, err = mailDir(dir, "tmp"); err != nil {
		return nil, err
	}
	if s.corrupt, err = mailDir(dir, "corrupt"); err != nil {
		return nil, err
	}
	return &s, removeFiles(s.tmp)
}

// removeFiles empties a directory of its files.
func removeFiles(dir string) error {
	files, err := os.ReadDir(dir)
	for _, f := range files {
		if !f.IsDir() {
			err = errors.Join(err, os.Remove(filepath.Join(dir, f.Name())))
		}
	}
	return err
}

func (s *store) clear() error { return errors.Join(removeFiles(s.dir), removeFiles(s.tmp)) }

// head is the envelope's line.
type head struct {
	mail.Envelope
	Size        int64     `json:"size"`
	MessageID   string    `json:"message_id"`
	DeliveredTo []string  `json:"delivered_to,omitempty"`
	Queued      time.Time `json:"queued"`
}

// record is a line of the journal behind the message: about one recipient, or about the message as a whole.
type record struct {
	Rcpt *int `json:"rcpt,omitempty"`
	result
	When     *time.Time `json:"when,omitempty"`
	To       string     `json:"to,omitempty"`
	Reported bool       `json:"reported,omitempty"`
	Warned   bool       `json:"warned,omitempty"`
	Due      *time.Time `json:"due,omitempty"`
	Tries    int        `json:"tries,omitempty"`
}

const magic = "maillab-queue 2 "

// write stores a new message, durably.
func (s *store) write(e *entry, text []byte) (err error) {
	line, err := json.Marshal(head{Envelope: *e.env, Size: e.size, MessageID: e.messageID, DeliveredTo: e.deliveredTo,
		Queued: e.queued})
	if err != nil {
		return fmt.Errorf("queue file %s: %w", e.env.ID, err)
	}
	top := fmt.Sprintf("%s%d\n%s\n", magic, len(text), line)
	e.offset, e.length = int64(len(top)), int64(len(text))
	aside := filepath.Join(s.tmp, e.env.ID)
	f, err := os.OpenFile(aside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(aside)
		}
	}()
	for _, part := range [][]byte{[]byte(top), text, journal(e)} {
		if _, err = f.Write(part); err != nil {
			break
		}
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err = os.Rename(aside, s.path(e.env.ID)); err != nil {
		return err
	}
	return syncDir(s.dir)
}

// journal is all that is known of an entry's recipients, as lines.
func journal(e *entry) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	for i, st := range e.states {
		if st.State == "" {
			continue
		}
		_ = enc.Encode(record{Rcpt: &i, result: st.result, When: &st.When, To: st.To, Reported: st.Reported, Warned: st.Warned}) // to memory
	}
	if !e.due.IsZero() {
		_ = enc.Encode(record{Due: &e.due, Tries: e.tries})
	}
	return b.Bytes()
}

// update appends what is known of an entry now, durably. When it fails half a line must not stay: what comes behind it
// would never be read.
func (s *store) update(e *entry) error {
	f, err := os.OpenFile(s.path(e.env.ID), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	if _, err = f.Write(journal(e)); err != nil {
		err = errors.Join(err, f.Truncate(info.Size()))
	} else {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// remove forgets a message that is through.
func (s *store) remove(id string) error { return os.Remove(s.path(id)) }

// open gives the text of a message.
func (s *store) open(e *entry) (*os.File, *io.SectionReader, error) {
	f, err := os.Open(s.path(e.env.ID))
	if err != nil {
		return nil, nil, err
	}
	return f, io.NewSectionReader(f, e.offset, e.length), nil
}

// text reads the text of a message.
func (s *store) text(e *entry) ([]byte, error) {
	f, r, err := s.open(e)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text := make([]byte, e.length)
	_, err = io.ReadFull(r, text)
	return text, err
}

func (s *store) path(id string) string { return filepath.Join(s.dir, id) }

// list reads all queue files. One that cannot be read is put into corrupt/ and told in problems.
func (s *store) list() (entries []*entry, problems []string, err error) {
	files, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, nil, fmt.Errorf("queue directory: %w", err)
	}
	for _, f := range files {
		if !f.Type().IsRegular() {
			continue
		}
		e, err := s.read(f.Name())
		if err == nil && e.env.ID != f.Name() {
			err = fmt.Errorf("holds message %s", e.env.ID)
		}
		if err != nil {
			problems = append(problems, fmt.Sprintf("%s: %v", f.Name(), err))
			_ = os.Rename(s.path(f.Name()), filepath.Join(s.corrupt, f.Name()))
			continue
		}
		entries = append(entries, e)
	}
	return entries, problems, nil
}

// read reads one queue file and cuts a torn last line off, so that the next one stands by itself.
func (s *store) read(name string) (*entry, error) {
	f, err := os.OpenFile(s.path(name), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	e, whole, err := parseFile(f, info.Size())
	if err == nil && whole < info.Size() {
		err = f.Truncate(whole)
	}
	return e, err
}

// headLimit bounds the envelope's line: a thousand recipients and their parameters.
const headLimit = 4 << 20

var errNoQueueFile = errors.New("not a queue file")

// parseFile reads a queue file of some size; whole is how far it is intact.
func parseFile(r io.ReaderAt, size int64) (e *entry, whole int64, err error) {
	in := bufio.NewReader(io.NewSectionReader(r, 0, min(size, headLimit)))
	first, err := in.ReadString('\n')
	number, ok := strings.CutPrefix(first, magic)
	if err != nil || !ok {
		return nil, 0, errNoQueueFile
	}
	var length int64
	if _, err := fmt.Sscanf(number, "%d\n", &length); err != nil || length < 0 {
		return nil, 0, errNoQueueFile
	}
	line, err := in.ReadBytes('\n')
	if err != nil {
		return nil, 0, fmt.Errorf("envelope: %w", err)
	}
	offset := int64(len(first) + len(line))
	if length > size-offset {
		return nil, 0, fmt.Errorf("message is cut short: %w", io.ErrUnexpectedEOF)
	}
	if e, err = parseHead(line); err != nil {
		return nil, 0, err
	}
	e.offset, e.length = offset, length
	whole = offset + length
	rest, err := io.ReadAll(io.NewSectionReader(r, whole, size-whole))
	if err != nil {
		return nil, 0, err
	}
	return e, whole + e.replay(rest), nil
}

func parseHead(line []byte) (*entry, error) {
	var h head
	if err := json.Unmarshal(line, &h); err != nil {
		return nil, fmt.Errorf("envelope: %w", err)
	}
	if h.ID == "" || len(h.Recipients) == 0 {
		return nil, errors.New("envelope: no queue id or no recipients")
	}
	env := h.Envelope
	return &entry{env: &env, size: h.Size, messageID: h.MessageID, deliveredTo: h.DeliveredTo,
		queued: h.Queued, states: make([]state, len(env.Recipients)), logged: true}, nil
}

// replay takes the journal's lines; it returns how many bytes were whole lines.
func (e *entry) replay(journal []byte) (whole int64) {
	for {
		line, rest, ok := bytes.Cut(journal, []byte("\n"))
		var r record
		if !ok || json.Unmarshal(line, &r) != nil {
			return whole
		}
		whole += int64(len(line)) + 1
		journal = rest
		if r.Rcpt != nil && *r.Rcpt >= 0 && *r.Rcpt < len(e.states) {
			st := state{result: r.result, To: r.To, Reported: r.Reported, Warned: r.Warned}
			if r.When != nil {
				st.When = *r.When
			}
			e.states[*r.Rcpt] = st
		}
		if r.Due != nil {
			e.due, e.tries = *r.Due, r.Tries
		}
	}
}

// syncDir makes a rename durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
