package recording

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// Header is a recording's first line.
type Header struct {
	Version   int    `json:"version"` // 3
	Term      Term   `json:"term"`
	Timestamp int64  `json:"timestamp,omitempty"` // seconds since 1970
	Title     string `json:"title,omitempty"`
}

// Term is the terminal as it was at the beginning, in characters.
type Term struct {
	Cols int    `json:"cols"`
	Rows int    `json:"rows"`
	Type string `json:"type,omitempty"` // "xterm-256color"
}

// Code is what an event is.
type Code string

// Codes. What a reader does not know he leaves out; the format says so.
const (
	Output Code = "o"
	Resize Code = "r" // Data is "100x30": columns, rows
	Marker Code = "m"
	Exit   Code = "x" // Data is the exit status
)

// Event is something that happened.
type Event struct {
	After time.Duration // since the event before, or since the beginning
	Code  Code
	Data  string
}

// MarshalJSON writes the array that the format has; times are told to the millisecond.
func (e Event) MarshalJSON() ([]byte, error) {
	return json.Marshal([]any{json.Number(fmt.Sprintf("%.3f", e.After.Seconds())), e.Code, e.Data})
}

// longest is the longest pause that is believed of a file.
const longest = 24 * time.Hour

// UnmarshalJSON reads it.
func (e *Event) UnmarshalJSON(text []byte) error {
	var after float64
	parts := []any{&after, &e.Code, &e.Data}
	if err := json.Unmarshal(text, &parts); err != nil {
		return err
	}
	if len(parts) != 3 || after < 0 || after > longest.Seconds() {
		return errors.New("an event is [seconds since the one before, code, data]")
	}
	e.After = time.Duration(after * float64(time.Second))
	return nil
}

// Size is what a Resize says.
func (e Event) Size() (cols, rows int, ok bool) {
	n, err := fmt.Sscanf(e.Data, "%dx%d", &cols, &rows)
	return cols, rows, e.Code == Resize && n == 2 && err == nil && cols > 0 && rows > 0 && cols <= 1000 && rows <= 1000
}

// MaxRecording bounds one recording, in octets of its file.
const MaxRecording = 4 << 20

// Writer writes one. It is not safe for concurrent use.
type Writer struct {
	out  io.Writer
	now  func() time.Time
	last time.Time
	room int
	mask mask
	rest []byte // the beginning of a character whose end is still to come
}

// NewWriter begins a recording. now is the clock.
func NewWriter(out io.Writer, h Header, now func() time.Time) (*Writer, error) {
	h.Version, h.Timestamp = 3, now().Unix()
	w := &Writer{out: out, now: now, last: now(), room: MaxRecording}
	return w, w.line(h)
}

// ErrFull is a recording that is at its bound: what comes is not kept, but a last Marker says so.
var ErrFull = errors.New("the recording is full")

// Output takes down what the terminal was sent. A character may come in pieces.
func (w *Writer) Output(text []byte) error {
	text = append(w.rest, text...)
	whole := len(text)
	for cut := 1; cut < utf8.UTFMax && cut <= len(text); cut++ {
		if tail := text[len(text)-cut:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				whole -= cut
			}
			break
		}
	}
	w.rest = bytes.Clone(text[whole:])
	return w.event(Output, w.mask.apply(strings.ToValidUTF8(string(text[:whole]), "\uFFFD")))
}

// Resize takes down that the terminal has another size.
func (w *Writer) Resize(cols, rows int) error {
	return w.event(Resize, fmt.Sprintf("%dx%d", cols, rows))
}

// Mark takes down a remark.
func (w *Writer) Mark(text string) error { return w.event(Marker, text) }

func (w *Writer) event(code Code, data string) error {
	if data == "" {
		return nil
	}
	if w.room <= 0 {
		return ErrFull
	}
	now := w.now()
	e := Event{After: now.Sub(w.last), Code: code, Data: data}
	w.last = now
	if err := w.line(e); err != nil || w.room > 0 {
		return err
	}
	return errors.Join(w.line(Event{Code: Marker, Data: ErrFull.Error()}), ErrFull)
}

func (w *Writer) line(value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	w.room -= len(text) + 1
	_, err = w.out.Write(append(text, '\n'))
	return err
}

// Read reads a recording, an event at a time. Lines that are no events, as of one that was torn off, are left out.
func Read(in io.Reader, begin func(Header) error, each func(Event) error) error {
	lines := bufio.NewScanner(io.LimitReader(in, 2*MaxRecording))
	lines.Buffer(nil, MaxRecording)
	var h Header
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &h) != nil || h.Version != 3 {
		return errors.Join(lines.Err(), errors.New("no recording: the first line of an asciicast v3 file is missing"))
	}
	if err := begin(h); err != nil {
		return err
	}
	for lines.Scan() {
		var e Event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			continue
		}
		if err := each(e); err != nil {
			return err
		}
	}
	return lines.Err()
}
