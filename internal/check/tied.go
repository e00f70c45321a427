package check

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"maillab/internal/dialogue"
	"maillab/internal/lab/task"
)

// Two things that a student did are one only when they are of one message. What ties a dialogue, a delivery, lines of
// mail.log and an answer together is the queue ID, which the server gives and nobody can choose.

// message passes when one message has everything. Of several that have something the one that has most is told, or that has
// what is asked first, the latest of those.
func (x *sheet) message(ctx context.Context, parts []task.Check) verdict {
	has := map[string]int{}
	var ids []string // in the order in which they were met
	for i := range parts {
		found, err := x.messagesOf(ctx, &parts[i])
		if err != nil {
			return unchecked(err)
		}
		for _, id := range found {
			if has[id] == 0 {
				ids = append(ids, id)
			}
			has[id] += 1000 - i
		}
	}
	alone := *x
	for _, id := range ids {
		if has[id] >= has[alone.about] {
			alone.about = id
		}
	}
	v := alone.all(ctx, parts)
	x.typed, x.copied = alone.typed, alone.copied
	if alone.about == "" { // each may be there, but of no message
		v.outcome = min(v.outcome, fails)
	}
	return v
}

// messagesOf are the queue IDs of the messages for which a part passes, each once; none for a part that speaks of no message.
func (x *sheet) messagesOf(ctx context.Context, c *task.Check) (ids []string, err error) {
	switch {
	case c.Mail != nil:
		ids, err = x.mailIDs(ctx, c.Mail)
	case c.Dialogue != nil:
		ids, err = x.dialogueIDs(ctx, c.Dialogue)
	case c.Log != nil:
		ids, err = x.logIDs(ctx, c.Log)
	case c.Answer != nil && (c.Answer.Log != "" || c.Answer.Reply != ""):
		ids, err = x.answered(ctx, c.Answer, x.memory.Answers[x.task])
	}
	slices.Sort(ids)
	return slices.DeleteFunc(slices.Compact(ids), func(id string) bool { return id == "" }), err
}

func (x *sheet) mailIDs(ctx context.Context, want *task.Mail) (ids []string, err error) {
	all, err := x.mails(ctx)
	if err != nil {
		return nil, err
	}
	criteria, err := x.criteria(ctx, want)
	for _, m := range all {
		if err == nil && (want.To == "" || m.To == want.To) && len(missesOf(m, criteria)) == 0 {
			ids = append(ids, m.ID)
		}
	}
	return ids, err
}

func (x *sheet) dialogueIDs(ctx context.Context, want *task.Dialogue) (ids []string, err error) {
	script, err := scriptOf(want)
	if err != nil {
		return nil, err
	}
	for d, err := range x.dialogues(ctx, want.Service) {
		if err != nil {
			return nil, err
		}
		for _, part := range transactions(d) {
			if part.id != "" && (want.Account == "" || slices.Contains(d.Accounts, want.Account)) && x.judgeTalk(d, part.Dialogue, want, script).outcome == passes {
				ids = append(ids, part.id)
			}
		}
	}
	return ids, nil
}

func (x *sheet) logIDs(ctx context.Context, want *task.Log) (ids []string, err error) {
	lines, err := x.logLines(ctx)
	if err != nil {
		return nil, err
	}
	patterns, err := compiled(want.Lines)
	if err != nil {
		return nil, err
	}
	for _, g := range byMessage(lines) {
		if n, _ := inOrder(patterns, g.lines); n == len(patterns) {
			ids = append(ids, g.id)
		}
	}
	return ids, nil
}

// part is what of a dialogue belongs to one message.
type part struct {
	id string // its queue ID; "": no message was queued
	dialogue.Dialogue
}

// mailCommand is where one begins (RFC 5321 section 3.3); the others end what was begun without it being queued.
var (
	mailCommand = regexp.MustCompile(`(?i)^mail\b`)
	endCommand  = regexp.MustCompile(`(?i)^(rset|helo|ehlo|quit)\b`)
)

// transactions takes an SMTP dialogue apart: each message that was queued, with what was said between messages. A dialogue
// without one is a part itself, as is any other protocol's.
func transactions(d dialogue.Dialogue) (parts []part) {
	belongs := make([]int, len(d.Lines)) // to which transaction; 0: to none
	ids := map[int]string{}
	now, last := 0, 0
	for i, l := range d.Lines {
		switch {
		case l.Kind == dialogue.Command && mailCommand.MatchString(l.Text):
			last++
			now = last
		case l.Kind == dialogue.Command && endCommand.MatchString(l.Text):
			now = 0
		}
		belongs[i] = now
		if id := l.Queued(); id != "" && d.Service == "smtp" && now > 0 {
			ids[now], now = id, 0
		}
	}
	for n := 1; n <= last; n++ {
		if ids[n] == "" {
			continue
		}
		one := part{ids[n], d}
		one.Lines = nil
		for i, l := range d.Lines {
			if belongs[i] == n || belongs[i] == 0 {
				one.Lines = append(one.Lines, l)
			}
		}
		parts = append(parts, one)
	}
	if len(parts) == 0 {
		return []part{{"", d}}
	}
	return parts
}

// sender is what MAIL FROM names, up to the domain.
var sender = regexp.MustCompile(`(?i)^mail\s+from\s*:\s*<?\s*([^\s<>@]+)`)

// sends says whether a dialogue is handed in in a student's name.
func sends(accounts []string, d dialogue.Dialogue) bool {
	return slices.ContainsFunc(d.Lines, func(l dialogue.Line) bool {
		found := sender.FindStringSubmatch(l.Text)
		return l.Kind == dialogue.Command && found != nil && slices.ContainsFunc(accounts, func(a string) bool { return strings.EqualFold(a, found[1]) })
	})
}
