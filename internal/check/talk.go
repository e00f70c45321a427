package check

import (
	"context"
	"errors"
	"iter"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"sync"

	"maillab/internal/dialogue"
	"maillab/internal/lab/task"
)

// dialogues are the student's connections: those in which one of the student's accounts logged in, or nobody did. Where
// others use the server, too, somebody must have logged in, or sent mail in the student's name: another's connection is no
// evidence, and nothing to be shown.
func (x *sheet) dialogues(ctx context.Context, service string) iter.Seq2[dialogue.Dialogue, error] {
	return func(yield func(dialogue.Dialogue, error) bool) {
		for d, err := range x.connections(ctx, service) {
			if (err != nil || !x.Shared || len(d.Accounts) > 0 || sends(x.Accounts, d)) && !yield(d, err) {
				return
			}
		}
	}
}

// connections are all in which no other student logged in.
func (x *sheet) connections(ctx context.Context, service string) iter.Seq2[dialogue.Dialogue, error] {
	return func(yield func(dialogue.Dialogue, error) bool) {
		if x.Dialogues == nil {
			yield(dialogue.Dialogue{}, errors.New("no record of dialogues"))
			return
		}
		for d, err := range x.Dialogues.Dialogues(ctx, service) {
			others := len(d.Accounts) > 0 && !slices.ContainsFunc(d.Accounts, func(a string) bool { return slices.Contains(x.Accounts, a) })
			if !others && !yield(d, err) {
				return
			}
		}
	}
}

// dialogue looks for one connection that has everything; when there is none, it tells how far the nearest got.
func (x *sheet) dialogue(ctx context.Context, want *task.Dialogue) verdict {
	script, err := scriptOf(want)
	if err != nil {
		return unchecked(err)
	}
	best := verdict{near: -1}
	for d, err := range x.dialogues(ctx, want.Service) {
		if err != nil {
			return unchecked(err)
		}
		if want.Account != "" && !slices.Contains(d.Accounts, want.Account) {
			continue
		}
		for _, part := range x.partsOf(d) {
			v := x.judgeTalk(d, part, want, script)
			if v.outcome == passes {
				return v
			}
			if v.near >= best.near {
				best = v
			}
		}
	}
	if best.near < 0 {
		return failed(0, x.noTalk(want))
	}
	return best
}

// partsOf are the whole of a dialogue, or where one message counts, what of it is that message's.
func (x *sheet) partsOf(d dialogue.Dialogue) (out []dialogue.Dialogue) {
	if x.about == "" {
		return []dialogue.Dialogue{d}
	}
	for _, part := range transactions(d) {
		if part.id == x.about {
			out = append(out, part.Dialogue)
		}
	}
	return out
}

func (x *sheet) noTalk(want *task.Dialogue) task.Text {
	name := strings.ToUpper(want.Service)
	if x.about != "" {
		return both("aucun de vos dialogues %s n'a envoyé le message %s", "none of your %s dialogues has sent message %s", name, x.about)
	}
	if want.Account != "" {
		return both("aucun dialogue %s où %s s'est connecté", "no %s dialogue in which %s logged in", name, want.Account)
	}
	return both("aucun dialogue %s", "no %s dialogue", name)
}

// script is what is asked of a dialogue, compiled.
type script struct {
	commands, exchanges []step
	replies, not        []*regexp.Regexp
}

// steps is how many there are.
func (s script) steps() int { return len(s.commands) + len(s.exchanges) + len(s.replies) }

func scriptOf(want *task.Dialogue) (s script, err error) {
	var commands, exchanged, answers []*regexp.Regexp
	var asked, answered []task.Pattern
	for _, e := range want.Exchanges {
		asked, answered = append(asked, e.Command), append(answered, e.Reply)
	}
	var errs []error
	for _, part := range []struct {
		to   *[]*regexp.Regexp
		from []task.Pattern
	}{{&commands, want.Commands}, {&s.replies, want.Replies}, {&s.not, want.Not}, {&exchanged, asked}, {&answers, answered}} {
		*part.to, err = compiled(part.from)
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return script{}, err
	}
	for _, re := range commands {
		s.commands = append(s.commands, commandStep(re))
	}
	for i, re := range exchanged {
		s.exchanges = append(s.exchanges, exchangeStep(re, answers[i]))
	}
	return s, nil
}

func commandStep(command *regexp.Regexp) step {
	return step{name: wordOf(command), is: func(t turn) bool { return command.MatchString(t.command) }}
}

func exchangeStep(command, reply *regexp.Regexp) step {
	asked := commandStep(command)
	return step{name: asked.name, near: asked.is, is: func(t turn) bool { return asked.is(t) && slices.ContainsFunc(t.replies, reply.MatchString) }}
}

// judgeTalk holds part of a dialogue against what is asked; how it was typed is judged from the whole.
func (x *sheet) judgeTalk(d, part dialogue.Dialogue, want *task.Dialogue, s script) verdict {
	turns := turnsOf(part)
	var misses []task.Text
	commands, replies := s.follow(turns)
	steps := s.steps()
	got := commands.count + replies.count
	switch {
	case got == steps:
	case commands.count+replies.count == 0:
		misses = append(misses, both("ce qui est demandé ne s'y trouve pas", "what is asked for is not in it"))
	default:
		misses = append(misses, both("il a %d des %d étapes dans l'ordre, la dernière étant %s ; %s",
			"it has %d of the %d steps in order, the last being %s; %s", got, steps, quote(later(commands, replies).last), next(turns, commands, replies)))
	}
	for _, re := range s.not {
		if i := slices.IndexFunc(turns, func(t turn) bool { return re.MatchString(t.command) }); i >= 0 {
			misses = append(misses, both("%s n'aurait pas dû y être", "%s should not be in it", quote(turns[i].command)))
		}
	}
	byHand, why := x.pace(d)
	byMiss := want.By == "hand" && !byHand || want.By == "program" && byHand
	if byMiss && byHand {
		misses = append(misses, both("il a été tapé à la main (%s)", "it was typed by hand (%s)", why))
	} else if byMiss {
		misses = append(misses, both("il vient d'un programme (%s)", "it came from a program (%s)", why))
	}
	name := both("dialogue %s de %s", "%s dialogue of %s", strings.ToUpper(d.Service), x.clock(d.Start))
	if len(misses) == 0 {
		if want.By == "" {
			return passed(name)
		}
		return passed(both("%s (%s)", "%s (%s)", name, why))
	}
	misses = append(misses, remarks(d, turns)...)
	near := 0.9 * float64(got) / float64(max(steps, 1))
	if !byMiss {
		near += 0.05
	}
	return failed(near, both("%s : %s", "%s: %s", name, join(" ; ", misses...)))
}

// step is one of those that are asked for.
type step struct {
	is   func(turn) bool
	near func(turn) bool // the command is there; nil: a step is all of it
	name string          // the command's word, as far as there is one
}

// reach is how far a sequence got.
type reach struct {
	count   int
	at      int    // turn after the last one
	last    string // the command there
	used    []int  // turns that are taken for a step
	missing *step  // what was looked for in vain
}

// later is the one that got further.
func later(a, b reach) reach {
	if b.at > a.at && b.count > 0 {
		return b
	}
	return a
}

// next tells what is missing: where the step is there, but too early, or was refused, the student's own command is named.
func next(turns []turn, sequences ...reach) task.Text {
	named := both("la suivante manque", "the next is missing")
	for _, p := range sequences {
		if p.missing == nil {
			continue
		}
		for i, t := range turns[:p.at] {
			if !slices.Contains(p.used, i) && t.command != "" && p.missing.is(t) {
				return both("%s y est, mais avant cela : l'ordre compte", "%s is there, but before that: the order counts", quote(t.command))
			}
		}
		for _, t := range slices.Backward(turns[p.at:]) {
			if p.missing.near != nil && p.missing.near(t) && len(t.own) > 0 {
				return both("à %s le serveur a répondu %s", "to %s the server answered %s", quote(t.command), quote(t.own[len(t.own)-1]))
			}
		}
		if p.missing.name != "" {
			named = both("la suivante, %s, manque", "the next, %s, is missing", p.missing.name)
		}
	}
	return named
}

// take looks for turns, one after the other.
func (p *reach) take(turns []turn, steps []step) {
	at := 0
	for n := range steps {
		i := slices.IndexFunc(turns[at:], steps[n].is)
		if i < 0 {
			p.missing = &steps[n]
			return
		}
		at += i + 1
		p.count, p.at, p.last, p.used = p.count+1, max(at, p.at), turns[at-1].command, append(p.used, at-1)
	}
}

// follow counts how many of the commands and exchanges, and of the replies, are there in order.
func (s script) follow(turns []turn) (commands, replies reach) {
	commands.take(turns, s.commands)
	if commands.missing == nil {
		commands.take(turns, s.exchanges)
	}
	for i, t := range turns {
		for _, line := range t.own {
			if replies.count < len(s.replies) && s.replies[replies.count].MatchString(line) {
				replies = reach{count: replies.count + 1, at: i + 1, last: t.command, used: append(replies.used, i)}
			}
		}
	}
	if replies.count < len(s.replies) {
		missing := s.replies[replies.count]
		replies.missing = &step{is: func(t turn) bool { return slices.ContainsFunc(t.own, missing.MatchString) }}
	}
	return commands, replies
}

// wordOf is the command that a pattern begins with, in capitals: of a rule no more than that is told. It is "" when there is
// none.
func wordOf(re *regexp.Regexp) string {
	tree, err := syntax.Parse(re.String(), syntax.Perl)
	if err != nil {
		return ""
	}
	word := strings.ToUpper(firstLiteral(tree))
	if i := strings.IndexFunc(word, func(r rune) bool { return r != ' ' && (r < 'A' || r > 'Z') }); i >= 0 {
		word = word[:i]
	}
	if word = strings.TrimSpace(word); len(word) < len("TOP") {
		return ""
	}
	return word
}

// firstLiteral is the first text in a pattern that has to be there as it is.
func firstLiteral(re *syntax.Regexp) string {
	switch re.Op {
	case syntax.OpLiteral:
		if text := string(re.Rune); strings.TrimSpace(text) != "" {
			return text
		}
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			if text := firstLiteral(sub); text != "" {
				return text
			}
		}
	case syntax.OpCapture, syntax.OpPlus:
		return firstLiteral(re.Sub[0])
	}
	return ""
}

// turn is a command and what was answered to it. The greeting is a turn without a command.
type turn struct {
	command string
	own     []string // reply lines up to the next command
	replies []string // the same; of a command that was sent ahead of its answer, those of the whole burst
}

func turnsOf(d dialogue.Dialogue) []turn {
	var turns []turn
	first := 0 // of the burst that is being answered
	for _, l := range d.Lines {
		switch l.Kind {
		case dialogue.Command:
			if len(turns) == 0 || len(turns[len(turns)-1].own) > 0 {
				first = len(turns)
			}
			turns = append(turns, turn{command: l.Text})
		case dialogue.Reply:
			if len(turns) == 0 {
				turns = append(turns, turn{})
			}
			last := &turns[len(turns)-1]
			last.own = append(last.own, l.Text)
			for i := first; i < len(turns); i++ {
				turns[i].replies = append(turns[i].replies, l.Text)
			}
		}
	}
	return turns
}

// imapCommand are IMAP's commands.
const imapCommand = `(capability|noop|logout|login|authenticate|starttls|select|examine|create|delete|rename|subscribe|unsubscribe|list|lsub|status|append|check|close|expunge|search|fetch|store|copy|uid|idle|namespace|id|move|unselect|enable)`

// imapWords are how a line begins; compiled when somebody's is looked at, for they are large.
var imapWords = sync.OnceValue(func() (w struct{ first, second, uid *regexp.Regexp }) {
	w.first = regexp.MustCompile(`(?i)^` + imapCommand + `\b`)
	w.second = regexp.MustCompile(`(?i)^\S+ +` + imapCommand + `\b`)
	w.uid = regexp.MustCompile(`(?i)^uid +(copy|fetch|store|search|move|expunge)\b`)
	return w
})

// Commands that remarks are about.
var (
	dele = regexp.MustCompile(`(?i)^dele\b`)
	quit = regexp.MustCompile(`(?i)^quit\b`)
	data = regexp.MustCompile(`(?i)^data\b`)
)

// untagged says whether an IMAP command was typed without its tag (RFC 3501 section 2.2.1).
func untagged(t turn) bool {
	is := imapWords()
	return is.first.MatchString(t.command) && (is.uid.MatchString(t.command) || !is.second.MatchString(t.command))
}

// flawed is a response of SASL PLAIN in the record, with what mail.PlainFlaw found.
var flawed = regexp.MustCompile(`(?i)(?:plain |^)\*+ \((newline|octal|NUL)\)$`)

func flaw(word string) task.Text {
	switch word {
	case "newline":
		return both("la réponse à AUTH PLAIN finit par un saut de ligne, qui compte dans le mot de passe : echo l'ajoute, printf non",
			"the response to AUTH PLAIN ends with a newline, which is part of the password then: echo adds it, printf does not")
	case "octal":
		return both(`dans la réponse à AUTH PLAIN, printf a pris pour un nombre octal les chiffres qui suivent \0 : écrivez \000`,
			`in the response to AUTH PLAIN printf took the digits after \0 for an octal number: write \000`)
	}
	return both(`la réponse à AUTH PLAIN doit avoir deux octets nuls : \000 compte \000 mot de passe, sans blancs, en base64`,
		`the response to AUTH PLAIN has to have two NUL octets: \000 account \000 password, without blanks, in base64`)
}

// remarks tell what often goes wrong.
func remarks(d dialogue.Dialogue, turns []turn) (out []task.Text) {
	has := func(re *regexp.Regexp) bool {
		return slices.ContainsFunc(turns, func(t turn) bool { return re.MatchString(t.command) })
	}
	if d.Service == "pop3" && has(dele) && !has(quit) {
		out = append(out, both("DELE sans QUIT n'efface rien", "DELE without QUIT deletes nothing"))
	}
	if d.Service == "smtp" && has(data) && !slices.ContainsFunc(d.Lines, func(l dialogue.Line) bool { return l.Kind == dialogue.Data }) {
		out = append(out, both("DATA n'a pas été terminé par un point seul", "DATA was not ended by a dot alone"))
	}
	if i := slices.IndexFunc(turns, untagged); d.Service == "imap" && i >= 0 {
		out = append(out, both("%s : une commande IMAP commence par un identifiant de votre choix, par exemple a1 %s",
			"%s: an IMAP command begins with an identifier of your choice, such as a1 %s", quote(turns[i].command), strings.ToUpper(strings.Fields(turns[i].command)[0])))
	}
	for _, t := range turns {
		if found := flawed.FindStringSubmatch(t.command); found != nil {
			out = append(out, flaw(found[1]))
			break
		}
	}
	if d.Cut {
		out = append(out, both("l'enregistrement de ce dialogue est incomplet", "the record of this dialogue is not whole"))
	}
	return out
}
