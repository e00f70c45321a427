package progress

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Mark is the teacher's word on a task. It stands whatever the check finds.
type Mark struct {
	Share   float64   `json:"share"`             // of the task's points: 0 is failed, 1 is passed
	Comment string    `json:"comment,omitempty"` // for the student
	By      string    `json:"by,omitempty"`      // whose word it is
	At      time.Time `json:"at,omitzero"`
}

// Said is a word as it was given; nil took the one before back.
type Said struct {
	Task string    `json:"task"`
	At   time.Time `json:"at"`
	By   string    `json:"by,omitempty"`
	Mark *Mark     `json:"mark,omitempty"`
}

// Bounds of what a teacher types, in octets.
const (
	MaxComment = 2000
	maxBy      = 100
)

// State is what a word means for the tasks that wait for this one: half of the points and more is passed.
func (m Mark) State() State {
	if m.Share >= 0.5 {
		return Passed
	}
	return Failed
}

// Points are what a task that is worth so many gives under this word, to a thousandth.
func (m Mark) Points(of int) float64 { return Share(m.Share, of) }

// Share is a part of a task's points, to a thousandth.
func Share(part float64, points int) float64 { return math.Round(part*float64(points)*1000) / 1000 }

// String is the word as it is typed: passed, failed, or the share of the points (0.6).
func (m Mark) String() string {
	switch m.Share {
	case 0:
		return string(Failed)
	case 1:
		return string(Passed)
	}
	return strconv.FormatFloat(math.Round(m.Share*1000)/1000, 'f', -1, 64)
}

// Check says why something is no mark.
func (m Mark) Check() error {
	switch {
	case !(m.Share >= 0 && m.Share <= 1): // nor NaN
		return fmt.Errorf("%v is no share of a task's points: from 0 (failed) to 1 (passed)", m.Share)
	case len(m.Comment) > MaxComment:
		return fmt.Errorf("the comment is too long: %d octets of %d at most", len(m.Comment), MaxComment)
	case !isText(m.Comment):
		return errors.New("the comment is not text in UTF-8, or has control characters in it")
	}
	return nil
}

// CheckWord says why something is no word of somebody's; a nil mark is one that is taken back.
func CheckWord(m *Mark, by string) error {
	if len(by) > maxBy || !isText(by) {
		return fmt.Errorf("%.*q is no name of whoever marks: text, %d octets at most", maxBy, by, maxBy)
	}
	if m == nil {
		return nil
	}
	return m.Check()
}

// isText is UTF-8 without control characters but the end of a line and a tab.
func isText(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' })
}

// Mark keeps the teacher's word; nil takes it back. It returns the word that stood before, nil where there was none.
func (w *Work) Mark(id string, m *Mark, by string, at time.Time) (before *Mark) {
	if had, marked := w.Marks[id]; marked {
		before = &had
	}
	delete(w.Marks, id)
	said := Said{Task: id, At: at, By: by}
	if m != nil {
		kept := *m
		kept.By, kept.At = by, at
		w.Marks[id], said.Mark = kept, &kept
	}
	w.Said = append(w.Said, said)
	if len(w.Said) > maxSaid {
		w.Said = slices.Clone(w.Said[len(w.Said)-maxSaid:])
	}
	return before
}

// cut is at most n octets of text, whole characters.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}
