package delivery

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// maxHead bounds a record's line: a thousand recipients of the longest kind.
const maxHead = 2 << 20

// List returns the messages of an epoch (0: of all) in the order of their first record, without their text.
func (s *Store) List(epoch int) ([]Message, error) {
	s.mu.Lock()
	s.said(s.write())
	files := append([]segment(nil), s.files...)
	s.mu.Unlock()
	l := lister{epoch: epoch, byID: map[string]int{}}
	for _, f := range files {
		if err := l.file(f.number, s.path(f.number)); err != nil && !errors.Is(err, fs.ErrNotExist) { // dropped meanwhile
			return nil, fmt.Errorf("deliveries: %w", err)
		}
	}
	return l.messages, nil
}

// lister collects messages.
type lister struct {
	epoch    int
	messages []Message
	byID     map[string]int // "epoch id" → index in messages
}

func (l *lister) file(number int, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return l.read(number, f)
}

// read takes in a file as far as it is whole.
func (l *lister) read(number int, from io.Reader) error {
	in := bufio.NewReaderSize(from, 32<<10)
	for at := int64(0); ; {
		r, n, err := readHead(in)
		if err != nil {
			return nil // the end, or what a killed daemon left of it
		}
		at += int64(n)
		if skipped, err := in.Discard(r.Bytes + 1); err != nil || skipped != r.Bytes+1 {
			return nil
		}
		if l.epoch == 0 || l.epoch == r.Epoch {
			l.take(r, place{file: number, from: at, bytes: r.Bytes, size: r.Size})
		}
		at += int64(r.Bytes) + 1
	}
}

// readHead reads a record's line, and says how long it is.
func readHead(in *bufio.Reader) (r record, n int, err error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > maxHead {
			return r, 0, errors.New("a record's line is too long")
		}
		if err == nil {
			break
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return r, 0, err
		}
	}
	if err := json.Unmarshal(line, &r); err != nil {
		return r, 0, err
	}
	whole := r.Kind == kindTaken && r.Envelope != nil || r.Kind == kindDelivered && r.ID != ""
	if r.Version != version || r.Bytes < 0 || r.Bytes > r.Size || !whole {
		return r, 0, errors.New("not a record")
	}
	return r, len(line), nil
}

func (l *lister) take(r record, text place) {
	id := r.ID
	if r.Envelope != nil {
		id = r.Envelope.ID
	}
	key := fmt.Sprintf("%d %s", r.Epoch, id)
	i, known := l.byID[key]
	if !known {
		i = len(l.messages)
		l.byID[key] = i
		l.messages = append(l.messages, Message{ID: id, Epoch: r.Epoch, At: r.At})
	}
	m := &l.messages[i]
	if r.Kind == kindTaken {
		m.Envelope, m.taken = r.Envelope, text
		return
	}
	for _, c := range r.Copies {
		c.At, c.Epoch, c.text = r.At, r.Epoch, text
		m.Copies = append(m.Copies, c)
	}
}

// ErrGone is for a text that is kept no more.
var ErrGone = errors.New("the record of this message is gone")

// Text is a copy as it was put into its mailbox, lines ending in LF; cut says that its end is missing.
func (s *Store) Text(c Copy) (text []byte, cut bool, err error) {
	body, err := s.load(c.text)
	if err != nil {
		return nil, false, err
	}
	return append([]byte(c.Head), body...), c.text.bytes < c.text.size, nil
}

// TakenText is a message as the client sent it, when no mailbox got a copy before it was answered; else it is empty.
func (s *Store) TakenText(m Message) (text []byte, cut bool, err error) {
	if m.taken.bytes == 0 {
		return nil, false, nil
	}
	text, err = s.load(m.taken)
	return text, m.taken.bytes < m.taken.size, err
}

func (s *Store) load(p place) ([]byte, error) {
	f, err := os.Open(s.path(p.file))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrGone
	}
	if err != nil {
		return nil, fmt.Errorf("deliveries: %w", err)
	}
	defer f.Close()
	text := make([]byte, p.bytes)
	if _, err := f.ReadAt(text, p.from); err != nil {
		return nil, fmt.Errorf("deliveries: %w", err)
	}
	return text, nil
}
