package check

import (
	"context"
	"iter"
	"slices"
	"time"

	"maillab/internal/dialogue"
)

// Since is the evidence that came after a moment. Mailboxes and files are as they are now all the same.
func (e Evidence) Since(start time.Time) Evidence {
	e.fill()
	if e.Mails != nil {
		e.Mails = mailsSince{e.Mails, start}
	}
	if e.Dialogues != nil {
		e.Dialogues = dialoguesSince{e.Dialogues, start}
	}
	if e.Log != nil {
		e.Log = logSince{e.Log, start.In(e.Zone)}
	}
	return e
}

type mailsSince struct {
	all   Mails
	start time.Time
}

func (s mailsSince) Mails(ctx context.Context) ([]Mail, error) {
	all, err := s.all.Mails(ctx)
	return slices.DeleteFunc(slices.Clone(all), func(m Mail) bool { return m.At.Before(s.start) }), err
}

type dialoguesSince struct {
	all   Dialogues
	start time.Time
}

func (s dialoguesSince) Dialogues(ctx context.Context, service string) iter.Seq2[dialogue.Dialogue, error] {
	return func(yield func(dialogue.Dialogue, error) bool) {
		for d, err := range s.all.Dialogues(ctx, service) {
			if (err != nil || !d.Start.Before(s.start)) && !yield(d, err) {
				return
			}
		}
	}
}

type logSince struct {
	all   Log
	start time.Time // in the zone of the log
}

func (s logSince) Lines(ctx context.Context) ([]string, error) {
	lines, err := s.all.Lines(ctx)
	for i, line := range lines {
		if at, ok := lineTime(line, s.start); ok && !at.Before(s.start.Truncate(time.Second)) {
			return lines[i:], err
		}
	}
	return nil, err
}

// stamp is how a line of mail.log begins. It has no year: the one that is nearest to about is meant.
const stamp = "Jan _2 15:04:05"

func lineTime(line string, about time.Time) (time.Time, bool) {
	if len(line) < len(stamp) {
		return time.Time{}, false
	}
	t, err := time.ParseInLocation(stamp, line[:len(stamp)], about.Location())
	if err != nil {
		return time.Time{}, false
	}
	t = t.AddDate(about.Year(), 0, 0)
	const half = 183 * 24 * time.Hour
	switch diff := t.Sub(about); {
	case diff > half:
		t = t.AddDate(-1, 0, 0)
	case diff < -half:
		t = t.AddDate(1, 0, 0)
	}
	return t, true
}
