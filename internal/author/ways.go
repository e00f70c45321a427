package author

import (
	"regexp"
	"slices"
	"strings"

	"maillab/internal/control"
)

// Names of ways that must not pass.
const (
	Nothing = "nothing-done"
	leftOut = "a-step-left-out"
	another = "another-account"
	pasted  = "pasted-by-a-program"
	other   = "another-answer"
	absent  = "not-there"
	taken   = "not-refused"
)

// typing are the steps of a dialogue, which is typed or pasted as it was.
func typing(t talk, lines []string) []Step {
	return []Step{{Port: ports()[t.Service], Lines: lines, Pasted: !t.byHand}}
}

// wrongTalk are wrong ways for a dialogue whose commands are asked for: without the last of them, as another account, pasted.
func wrongTalk(t talk, n names, lines []string) (ways []Way) {
	essential := t.essential()
	verb := essential[len(essential)-1].verb
	if farewell := verb == "quit" && len(essential) > 1; farewell {
		verb = essential[len(essential)-2].verb
	}
	without := slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return verbOf(t.Service, line) == verb })
	if t.Service == "smtp" && (verb == "rcpt" || verb == "data") {
		without = withoutMessage(without)
	}
	ways = append(ways, Way{leftOut, typing(t, without)})
	if len(t.Accounts) > 0 && n.account(t.Accounts[0]) != t.Accounts[0] && n.second() {
		ways = append(ways, Way{another, typing(t, swapped(lines))})
	}
	if accepted := t.accepted(n, lines); accepted != nil {
		ways = append(ways, Way{taken, typing(t, accepted)})
	}
	return append(ways, wrongPace(t, lines)...)
}

// accepted are a dialogue's lines with an account of the student's in place of recipients that were refused; nil: none was.
func (t talk) accepted(n names, lines []string) (out []string) {
	to := "rcpt to:<${user}>"
	if n.second() {
		to = "rcpt to:<${user2}>"
	}
	for _, one := range t.turns {
		if t.Service != "smtp" || one.verb != "rcpt" || !t.refused(one) {
			continue
		}
		if out == nil {
			out = slices.Clone(lines)
		}
		for i, line := range out {
			if line == n.shell(one.text) {
				out[i] = to
			}
		}
	}
	return out
}

// second says whether the student has two accounts.
func (n names) second() bool {
	return slices.ContainsFunc(n, func(one name) bool { return one.placeholder == "{account2}" })
}

// wrongPace is a dialogue that was typed, pasted.
func wrongPace(t talk, lines []string) []Way {
	if !t.byHand {
		return nil
	}
	return []Way{{pasted, []Step{{Port: ports()[t.Service], Lines: lines, Pasted: true}}}}
}

// swapped are lines in which the student's two accounts have changed places.
func swapped(lines []string) (out []string) {
	change := strings.NewReplacer("${user}", "${user2}", "${user2}", "${user}", "${password}", "${password2}", "${password2}", "${password}")
	for _, line := range lines {
		out = append(out, change.Replace(line))
	}
	return out
}

// withoutMessage leaves out DATA and what follows, up to the dot.
func withoutMessage(lines []string) (out []string) {
	inside := false
	for _, line := range lines {
		switch {
		case !inside && verbOf("smtp", line) == "data":
			inside = true
		case inside && line == ".":
			inside = false
		case !inside:
			out = append(out, line)
		}
	}
	return out
}

// subjectLine is the one of a header.
var subjectLine = regexp.MustCompile(`(?i)^subject: *`)

// wrongLetter are wrong ways for a message that arrived: without its subject, or not sent at all; to another account; pasted.
func wrongLetter(t talk, m control.Message, lines []string, n names) []Way {
	without := withoutMessage(lines)
	if i := slices.IndexFunc(lines, subjectLine.MatchString); i >= 0 {
		without = slices.Delete(slices.Clone(lines), i, i+1)
	}
	ways := []Way{{leftOut, typing(t, without)}}
	if n.second() {
		var elsewhere []string
		several := len(m.Envelope.Recipients) > 1
		for _, line := range lines {
			switch {
			case verbOf("smtp", line) != "rcpt":
				elsewhere = append(elsewhere, line)
			case several: // one of them is left out
				several = false
			case len(m.Envelope.Recipients) > 1:
				elsewhere = append(elsewhere, line)
			default:
				elsewhere = append(elsewhere, swapped([]string{line})...)
			}
		}
		ways = append(ways, Way{another, typing(t, elsewhere)})
	}
	return append(ways, wrongPace(t, lines)...)
}

// wrongCommand are wrong ways for a message of the mail command: without a subject, to another account, over port 25.
func wrongCommand(c Command, m control.Message, n names) (ways []Way) {
	if c.Subject != "" {
		silent := c
		silent.Subject = ""
		ways = append(ways, Way{leftOut, []Step{{Mail: silent.in(n)}}})
	}
	if right := c.in(n); n.second() && len(m.Accounts) > 0 {
		if len(right.To) > 1 { // one of them is left out
			right.To = right.To[1:]
		} else {
			right.To = swapped(right.To)
		}
		ways = append(ways, Way{another, []Step{{Mail: right}}})
	}
	typed := []string{"helo localhost", "mail from: ${user}"}
	for _, to := range c.in(n).To {
		typed = append(typed, "rcpt to: "+to)
	}
	typed = append(typed, "data", "Subject: x", "", "Hello.", ".", "quit")
	return append(ways, Way{"over-port-25", []Step{{Port: 25, Lines: typed}}})
}
