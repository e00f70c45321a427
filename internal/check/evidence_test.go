package check

import (
	"context"
	"fmt"
	"io/fs"
	"iter"
	"strings"
	"testing"
	"time"

	"maillab/internal/dialogue"
	"maillab/internal/lab/task"
	"maillab/internal/progress"
)

func noon() time.Time { return time.Date(2026, 3, 26, 11, 9, 5, 0, time.UTC) }

// world is evidence in memory.
type world struct {
	mails []Mail
	talks []dialogue.Dialogue
	lines []string
	boxes map[string][]BoxMessage
	files map[string]File
}

func (w *world) Mails(context.Context) ([]Mail, error)   { return w.mails, nil }
func (w *world) Lines(context.Context) ([]string, error) { return w.lines, nil }
func (w *world) Dialogues(_ context.Context, service string) iter.Seq2[dialogue.Dialogue, error] {
	return func(yield func(dialogue.Dialogue, error) bool) {
		for _, d := range w.talks {
			if d.Service == service && !yield(d, nil) {
				return
			}
		}
	}
}

// count says how many dialogues there are.
func count(t *testing.T, e Evidence, service string) (n int) {
	t.Helper()
	for _, err := range e.Dialogues.Dialogues(t.Context(), service) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

func (w *world) Box(_ context.Context, account, folder string) ([]BoxMessage, error) {
	return w.boxes[account+"/"+folder], nil
}
func (w *world) File(_ context.Context, account, path string) (File, error) {
	f, ok := w.files[path]
	if !ok {
		return File{}, fmt.Errorf("%s: %w", path, fs.ErrNotExist)
	}
	return f, nil
}

func (w *world) evidence() Evidence {
	return Evidence{Mails: w, Boxes: w, Dialogues: w, Log: w, Files: w, Now: noon,
		Originals: func(path string) ([]byte, bool) {
			return []byte("\xff\xd8picture"), path == "/home/util1/enveloppe.jpg"
		}}
}

// pace of a dialogue's command lines.
const (
	hand    = 2310 * time.Millisecond
	program = time.Millisecond
)

// talk is a dialogue: "C: …", "S: …" and "D" for a message.
func talk(service string, pace time.Duration, accounts []string, lines ...string) dialogue.Dialogue {
	d := dialogue.Dialogue{ID: fmt.Sprint(len(lines)), Service: service, Start: noon(), Accounts: accounts, Epoch: 1}
	at := noon()
	for i, l := range lines {
		side, text, _ := strings.Cut(l, ": ")
		switch side {
		case "C":
			at = at.Add(pace + time.Duration(i*37)*pace/1000)
			d.Lines = append(d.Lines, dialogue.Line{At: at, From: dialogue.Client, Kind: dialogue.Command, Text: text})
		case "S":
			d.Lines = append(d.Lines, dialogue.Line{At: at, From: dialogue.Server, Kind: dialogue.Reply, Text: text})
		default:
			d.Lines = append(d.Lines, dialogue.Line{At: at, From: dialogue.Client, Kind: dialogue.Data, Bytes: 10})
		}
	}
	d.End = at
	return d
}

// sent is an SMTP dialogue that sent a message.
func sent(id string, pace time.Duration, rcpts ...string) dialogue.Dialogue {
	lines := []string{"S: 220 test6isri ESMTP", "C: helo pv", "S: 250 test6isri", "C: mail from: util1", "S: 250 2.1.0 Ok"}
	for _, r := range rcpts {
		lines = append(lines, "C: rcpt to: "+r, "S: 250 2.1.5 Ok")
	}
	return talk("smtp", pace, nil, append(lines, "C: data", "S: 354 End data", "D", "S: 250 2.0.0 Ok: queued as "+id, "C: quit", "S: 221 2.0.0 Bye")...)
}

// letter is a copy of a message.
func letter(id, to string, recipients int, text string) Mail {
	return Mail{ID: id, To: to, From: "util1@local.isri.fr", Recipient: to, Recipients: recipients, Via: "smtp", At: noon(),
		Open: func() ([]byte, bool, error) { return []byte(text), false, nil }}
}

// one evaluates one check.
func one(t *testing.T, w *world, c task.Check, m progress.Work) Result {
	t.Helper()
	s := task.Sheet{Student: "alice", Accounts: []string{"util1", "util11"}, Tasks: []task.Task{{ID: "it", Points: 1, Check: c}}}
	results := Evaluate(t.Context(), s, w.evidence(), m)
	if len(results) != 1 {
		t.Fatal(results)
	}
	return results[0]
}
