package grading

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/check"
	"maillab/internal/dialogue"
	"maillab/internal/lab/task"
	"maillab/internal/progress"
)

// kept are dialogues as checks see them.
type kept []dialogue.Dialogue

func (r kept) Dialogues(_ context.Context, service string) iter.Seq2[dialogue.Dialogue, error] {
	return func(yield func(dialogue.Dialogue, error) bool) {
		for _, d := range r {
			if (service == "" || d.Service == service) && !yield(d, nil) {
				return
			}
		}
	}
}

// anything is a dialogue of some lines of some.
func anything(random *rand.Rand, n int) dialogue.Dialogue {
	d := dialogue.Dialogue{ID: fmt.Sprintf("%06d", n), Service: []string{"smtp", "pop3"}[random.IntN(2)], Accounts: [][]string{{}, {"util1"}, {"util2"}}[random.IntN(3)],
		Start: time.Date(2026, 3, 26, 11, 0, n, 0, time.UTC)}
	d.End = d.Start.Add(time.Minute)
	at := d.Start
	pause := time.Duration(random.IntN(2)) * time.Second
	for range random.IntN(9) {
		commands := []string{"helo pv", "mail from:<util1@test>", "mail from:<util2@test>", "rcpt to:<util1>", "data", "rset", "vrfy x", "retr 1", "list", "quit"}
		replies := []string{"250 Ok", fmt.Sprintf("250 2.0.0 Ok: queued as 4b%03d", random.IntN(400)), "+OK", "550 no"}
		at = at.Add(pause + time.Duration(random.IntN(700))*time.Millisecond)
		d.Lines = append(d.Lines, dialogue.Line{At: at, From: dialogue.Client, Kind: dialogue.Command, Text: commands[random.IntN(len(commands))]})
		d.Lines = append(d.Lines, dialogue.Line{At: at.Add(time.Millisecond), From: dialogue.Server, Kind: dialogue.Reply, Text: replies[random.IntN(len(replies))]})
	}
	return d
}

// TestWeighedIsEnough: over what has weight a student's tasks are found as over everything, in state and in words.
func TestWeighedIsEnough(t *testing.T) {
	talk := func(service, by string, not task.Pattern, commands ...task.Pattern) task.Check {
		d := task.Dialogue{Service: service, By: by, Commands: commands}
		if not != "" {
			d.Not = []task.Pattern{not}
		}
		return task.Check{Dialogue: &d}
	}
	read, sent := talk("pop3", "", "", "retr", "list", "quit"), talk("smtp", "hand", "vrfy", "helo", "mail from", "rcpt", "data")
	rare := talk("smtp", "program", "", "helo", "mail from:<util1", "rcpt", "data", "quit", "quit")
	exchange := task.Check{Dialogue: &task.Dialogue{Service: "smtp", Exchanges: []task.Exchange{{Command: "mail", Reply: "^250"}, {Command: "rcpt", Reply: "queued"}}}}
	random := rand.New(rand.NewPCG(3, 4))
	for round := range 16 {
		s := task.Sheet{Student: "alice", Accounts: []string{"util1"}, Shared: round%2 == 0}
		for i, c := range []task.Check{read, sent, rare, exchange, {All: []task.Check{read, sent}}, {Any: []task.Check{rare, exchange}}, {Not: &rare},
			{Message: []task.Check{exchange, rare}}, {Message: []task.Check{sent, exchange}}, {Answer: &task.Answer{Reply: `queued as (\w+)`}}} {
			s.Tasks = append(s.Tasks, task.Task{ID: fmt.Sprint("t", i), Points: 1, Check: c})
		}
		f, err := newFolder(s)
		if err != nil {
			t.Fatal(err)
		}
		var all, some kept
		for n := range random.IntN(250) {
			d := anything(random, n)
			all = append(all, d)
			f.add(d)
		}
		for _, d := range all {
			if slices.Contains(f.dialogues(), d.ID) {
				some = append(some, d)
			}
		}
		memory := progress.Work{Answers: map[string]string{"t9": fmt.Sprintf("4b%03d", random.IntN(400))}}
		now := func() time.Time { return time.Date(2026, 3, 26, 12, 0, 0, 0, time.UTC) }
		want := check.Evaluate(t.Context(), s, check.Evidence{Dialogues: all, Now: now}, memory)
		got := check.Evaluate(t.Context(), s, check.Evidence{Dialogues: some, Now: now}, memory)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("of %d dialogues %d have weight: %s", len(all), len(some), diff)
		}
	}
}
