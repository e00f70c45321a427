package check

import (
	"regexp"
	"slices"
	"strings"

	"maillab/internal/dialogue"
	"maillab/internal/lab/task"
)

// Scale weighs evidence once, when it comes: what of it a student's tasks could ever look at. An evaluation over what has
// weight finds what one over everything would find, and nobody makes it long by making much that has none.
type Scale struct {
	sheet   task.Sheet
	talks   []weighed
	replies []*regexp.Regexp // of answers
	lines   *regexp.Regexp   // of mail.log; nil: none is asked for
}

// weighed is one thing that is asked of dialogues.
type weighed struct {
	want   *task.Dialogue
	script script
}

// anyRun stands for the name of a run of a script, which is not known yet.
const anyRun = "anyrunatall"

// NewScale is for a student's tasks.
func NewScale(s task.Sheet) (*Scale, error) {
	out := &Scale{sheet: s}
	var lines []string
	for _, t := range s.Tasks {
		t = task.Expand(t, func(name string) (string, bool) { return anyRun, name == "run" || name == "messages" })
		for path, c := range t.Check.Walk("") {
			if err := out.add(c, strings.Contains(path, ".run.after"), &lines); err != nil {
				return nil, err
			}
		}
	}
	if len(lines) > 0 {
		all, err := regexp.Compile(strings.Join(lines, "|"))
		out.lines = all
		return out, err
	}
	return out, nil
}

func (s *Scale) add(c *task.Check, afterRun bool, lines *[]string) error {
	any := func(p task.Pattern) task.Pattern { return task.Pattern(strings.ReplaceAll(string(p), anyRun, ".*")) }
	switch {
	case c.Dialogue != nil:
		want := *c.Dialogue
		if afterRun {
			want.By = "" // it is by program then, whatever its pauses are
		}
		for _, patterns := range []*[]task.Pattern{&want.Commands, &want.Replies, &want.Not} {
			*patterns = slices.Clone(*patterns)
			for i, p := range *patterns {
				(*patterns)[i] = any(p)
			}
		}
		want.Exchanges = slices.Clone(want.Exchanges)
		for i, e := range want.Exchanges {
			want.Exchanges[i] = task.Exchange{Command: any(e.Command), Reply: any(e.Reply)}
		}
		compiled, err := scriptOf(&want)
		s.talks = append(s.talks, weighed{&want, compiled})
		return err
	case c.Log != nil:
		for _, p := range c.Log.Lines {
			*lines = append(*lines, "(?:"+string(any(p))+")")
		}
	case c.Answer != nil && c.Answer.Log != "":
		*lines = append(*lines, "(?:"+string(c.Answer.Log)+")")
	case c.Answer != nil && c.Answer.Reply != "":
		re, err := c.Answer.Reply.Compile()
		s.replies = append(s.replies, re)
		return err
	}
	return nil
}

// Line says whether a line of mail.log could be looked at, or ties others that could: a message's two IDs behind a filter.
func (s *Scale) Line(line string) bool {
	return s.lines != nil && (s.lines.MatchString(line) || refiled.MatchString(line))
}

// Weight is what of a dialogue could be looked at.
type Weight struct {
	Mine    bool      // it is the student's, by a login or by what it says to be
	Queued  bool      // it has handed in a message
	Told    bool      // a reply in it is what an answer may be
	Near    []float64 // how much of each thing that is asked of dialogues it has; 1: all
	Account bool      // an account of the student's logged in
}

// Dialogue weighs one.
func (s *Scale) Dialogue(d dialogue.Dialogue) (w Weight) {
	x := &sheet{Sheet: s.sheet}
	sent := transactions(d)
	w.Queued = slices.ContainsFunc(sent, func(p part) bool { return p.id != "" })
	if len(d.Accounts) > 0 {
		w.Account = slices.ContainsFunc(d.Accounts, func(a string) bool { return slices.Contains(s.sheet.Accounts, a) })
		w.Mine = w.Account
	} else {
		w.Mine = !s.sheet.Shared || sends(x.Accounts, d)
	}
	w.Queued = w.Queued && (w.Mine || len(d.Accounts) == 0)
	if !w.Mine {
		return w
	}
	all := [][]turn{turnsOf(d)}
	for _, p := range sent {
		if p.id != "" {
			all = append(all, turnsOf(p.Dialogue))
		}
	}
	for _, l := range d.Lines {
		w.Told = w.Told || l.Kind == dialogue.Reply && slices.ContainsFunc(s.replies, func(re *regexp.Regexp) bool { return re.MatchString(l.Text) })
	}
	byHand, paced := false, false
	w.Near = make([]float64, len(s.talks))
	for i, t := range s.talks {
		if t.want.Service != d.Service || t.want.Account != "" && !slices.Contains(d.Accounts, t.want.Account) {
			continue
		}
		if t.want.By != "" && !paced {
			byHand, _ = dialogue.ByHand(d)
			paced = true
		}
		typed := t.want.By == "" || (t.want.By == "hand") == byHand
		for _, turns := range all {
			w.Near[i] = max(w.Near[i], t.near(turns, typed))
		}
	}
	return w
}

// near is how much turns have of what is asked.
func (t weighed) near(turns []turn, typed bool) float64 {
	commands, replies := t.script.follow(turns)
	steps := t.script.steps()
	got := commands.count + replies.count
	not := slices.ContainsFunc(t.script.not, func(re *regexp.Regexp) bool {
		return slices.ContainsFunc(turns, func(t turn) bool { return re.MatchString(t.command) })
	})
	if got == steps && typed && !not {
		return 1
	}
	near := 0.9 * float64(got) / float64(max(steps, 1))
	if typed {
		near += 0.05
	}
	return near
}
