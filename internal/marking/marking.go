// Package marking goes with a teacher through the answers that wait for a word: shows one, asks, has the word kept, goes on. A word
// is kept before the next answer is shown; whatever ends the round, nothing that was said is lost.
//
// A line is a word (progress.Word) and, behind it, a comment for the student; an empty line skips. The other lines are b (back to
// the one before), q (the end) and ? (what can be typed).
package marking

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"maillab/internal/progress"
	"maillab/internal/say"
)

// Answer is one that waits.
type Answer struct {
	Seat    int
	Student string // the key
	Name    string // who it is, for people
	Task    string
	Title   string
	Points  int    // at most
	Text    string // what the student wrote; "" where there is nothing written to look at
	Seen    string // what the check saw
	Look    string // what to look for
	Copied  string // whose code the answer carries, when it is another student's
}

// Round goes through answers.
type Round struct {
	Answers []Answer
	In      io.Reader
	Out     io.Writer // what was answered
	Err     io.Writer // what is asked
	Say     say.Tongue
	// Keep keeps a word, nil taking it back, and returns the one that stood before, nil where there was none.
	Keep func(context.Context, Answer, *progress.Mark) (before *progress.Mark, err error)
}

// Done tells what came of a round.
type Done struct {
	Marked int // answers
	Left   int // that still wait
}

// keepPatience is how long a word may take to be kept. Whatever ends the round, a word that was said is kept first.
const keepPatience = time.Minute

// Run shows answers and keeps words until there are no more, or input ends, or ctx does: then its error is ctx's.
func (r Round) Run(ctx context.Context) (Done, error) {
	reading, stop := context.WithCancel(ctx)
	defer stop()
	lines := r.lines(reading)
	said := make([]*progress.Mark, len(r.Answers))
	if len(r.Answers) > 0 {
		r.Say.Fprintln(r.Err, "passed, failed, 0.5 or 3/5, and behind it a comment; Return skips; b, q, ?")
	}
	for at := 0; at >= 0 && at < len(r.Answers); {
		r.show(at, said[at])
		at = r.ask(ctx, lines, at, said)
	}
	marked := 0
	for _, m := range said {
		if m != nil {
			marked++
		}
	}
	return Done{Marked: marked, Left: len(r.Answers) - marked}, ctx.Err()
}

// ask asks about an answer until there is something to go on with, and returns the answer to go on with, -1 for none.
func (r Round) ask(ctx context.Context, lines <-chan string, at int, said []*progress.Mark) int {
	for {
		fmt.Fprint(r.Err, "> ")
		line, more := "", false
		select {
		case <-ctx.Done():
		case line, more = <-lines:
		}
		switch line = strings.TrimSpace(line); {
		case !more:
			fmt.Fprintln(r.Err)
			return -1
		case line == "q", line == "quit":
			return -1
		case line == "", line == "s", line == "skip":
			return at + 1
		case line == "b", line == "back":
			return max(0, at-1)
		case line == "?", line == "help":
			r.Say.Fprintln(r.Err, help)
		case r.keep(ctx, at, line, said):
			return at + 1
		}
	}
}

// keep has the word of a line kept, and says whether it is.
func (r Round) keep(ctx context.Context, at int, line string, said []*progress.Mark) bool {
	m, err := read(line)
	if err != nil {
		r.Say.Fprintf(r.Err, "%v (? shows more)\n", err)
		return false
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepPatience)
	defer cancel()
	before, err := r.Keep(ctx, r.Answers[at], m)
	if err != nil {
		r.Say.Fprintf(r.Err, "this is not kept: %v\n", err)
		return false
	}
	r.kept(r.Answers[at], m, before, said[at])
	said[at] = m
	return true
}

const help = `passed, failed      all of the points, or none
0.5, 3/5            a share of them
auto                takes your word back
                    behind any of them: a comment for the student, as in: 3/5 say why, too
Return              skips this one, which waits
b, q                back to the one before, the end (so is Ctrl-C); what you said is kept`

// read takes a line apart.
func read(line string) (*progress.Mark, error) {
	word, comment, _ := strings.Cut(line, " ")
	m, err := progress.Word(word)
	comment = strings.TrimSpace(comment)
	switch {
	case err != nil:
		return nil, err
	case m == nil && comment != "":
		return nil, errors.New("auto takes a word back, and a comment goes with a word")
	case m == nil:
		return nil, nil
	}
	m.Comment = comment
	return m, m.Check()
}

// show shows an answer, with where the round is.
func (r Round) show(at int, said *progress.Mark) {
	a := r.Answers[at]
	r.Say.Fprintf(r.Out, "\n%d of %d: %s (seat %d), %s: %s\n", at+1, len(r.Answers), a.Name, a.Seat, a.Task, a.Title)
	text := a.Text
	if text == "" {
		text = a.Seen
	}
	for line := range strings.Lines(text + "\n") {
		fmt.Fprintf(r.Out, "  │ %s\n", strings.TrimRight(line, "\r\n"))
	}
	if a.Copied != "" {
		r.Say.Fprintf(r.Out, "It carries the code of %s.\n", a.Copied)
	}
	if a.Look != "" {
		r.Say.Fprintf(r.Out, "Look for: %s\n", strings.Join(strings.Fields(a.Look), " "))
	}
	if said != nil {
		r.Say.Fprintf(r.Out, "You said: %s\n", told(r.Say, *said, a.Points))
	}
}

// kept tells what is kept, and what somebody else had said before.
func (r Round) kept(a Answer, m, before, mine *progress.Mark) {
	if mine != nil && before != nil && before.Share == mine.Share && before.Comment == mine.Comment {
		before = nil
	}
	fmt.Fprintln(r.Err, Now(r.Say, m, before, a.Points))
}

// Now tells of a word that is kept, with the one that it took the place of: "0.6 (3 of 5 points), “say why”; it was passed, by
// prof". Where points are 0 it is not known how many there are.
func Now(in say.Tongue, m, before *progress.Mark, points int) string {
	text := in.Text("left to the check")
	if m != nil {
		text = told(in, *m, points)
	}
	if before != nil {
		text = in.Sprintf("%s; it was %s", text, told(in, *before, 0))
	}
	return text
}

func told(in say.Tongue, m progress.Mark, points int) string {
	text := m.String()
	if points > 0 {
		text = in.Sprintf("%s (%g of %s)", text, m.Points(points), in.Text(counted(points)))
	}
	if m.Comment != "" {
		text += ", “" + m.Comment + "”"
	}
	if m.By != "" {
		text += in.Sprintf(", by %s", m.By)
	}
	return text
}

func counted(points int) string {
	if points == 1 {
		return "1 point"
	}
	return fmt.Sprintf("%d points", points)
}

// String is "marked: 3, still waiting: 2".
func (d Done) String() string {
	if d.Marked+d.Left == 0 {
		return "nothing waits for your word"
	}
	return fmt.Sprintf("marked: %d, still waiting: %d", d.Marked, d.Left)
}

// lines reads lines until there are no more, or ctx ends. Nothing ends a read of a terminal before its line is whole: the reader
// is left behind, for the end of the program.
func (r Round) lines(ctx context.Context) <-chan string {
	lines := make(chan string)
	go func() {
		defer close(lines)
		in := bufio.NewScanner(r.In)
		in.Buffer(nil, 64<<10)
		for in.Scan() {
			select {
			case lines <- in.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	return lines
}

// Sort puts answers to one question beside each other, in the order of tasks (IDs), then of seats: who marks compares.
func Sort(answers []Answer, tasks []string) {
	slices.SortStableFunc(answers, func(a, b Answer) int {
		if by := slices.Index(tasks, a.Task) - slices.Index(tasks, b.Task); by != 0 {
			return by
		}
		return a.Seat - b.Seat
	})
}
