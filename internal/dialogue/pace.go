package dialogue

import (
	"fmt"
	"slices"
	"time"
	"unicode/utf8"
)

// What typing by hand looks like. A line at a telnet prompt comes whole when Return is hit, so its pause (from what was
// said last to its coming) is the time that it took to think and to type it. All figures are on the student's side:
// they let pass who types fast or pastes a line now and then.
const (
	// fastest is the speed that nobody types at, in characters a second (240 words a minute are 20).
	fastest = 20
	// shortest is the pause that nobody keeps under, however short the line.
	shortest = 150 * time.Millisecond
	// burst is how many lines in a row, each within burstPause, are a paste or a program.
	burst      = 3
	burstPause = 30 * time.Millisecond
	// A script that sleeps keeps pauses of whole steps, within slack; with fewer pauses than enough, that is chance.
	step   = 500 * time.Millisecond
	slack  = 30 * time.Millisecond
	enough = 5
)

// pause is the time before a command line.
type pause struct {
	text  string
	reply time.Duration // since anything was said
	since time.Duration // since the command line before, or the start
}

// ByHand judges from the times of its command lines whether a dialogue was typed by a person, and says why. What passes
// as data may be pasted and is not looked at. It is a judgement: a program that imitates a person's pauses is not found
// out, and the teacher has the last word.
func ByHand(d Dialogue) (bool, []string) {
	pauses := pausesOf(d)
	if len(pauses) == 0 {
		return false, []string{"no command was typed"}
	}
	var against []string
	for _, reason := range []string{tooFast(pauses), inBursts(pauses), evenSteps(pauses)} {
		if reason != "" {
			against = append(against, reason)
		}
	}
	if len(against) > 0 {
		return false, against
	}
	return true, []string{fmt.Sprintf("%s, with pauses as a person makes: %s in the middle, %s at least",
		lines(len(pauses)), seconds(median(pauses)), seconds(slices.MinFunc(pauses, shorter).reply))}
}

func pausesOf(d Dialogue) []pause {
	var ps []pause
	said, typed := d.Start, d.Start
	for _, l := range d.Lines {
		if l.Kind == Command {
			ps = append(ps, pause{text: l.Text, reply: l.At.Sub(said), since: l.At.Sub(typed)})
			typed = l.At
		}
		said = l.At
	}
	return ps
}

// tooFast finds that most lines came faster than they can be typed.
func tooFast(ps []pause) string {
	var fast []pause
	for _, p := range ps {
		if p.reply < typingTime(p.text) {
			fast = append(fast, p)
		}
	}
	if 2*len(fast) <= len(ps) {
		return ""
	}
	worst := slices.MinFunc(fast, shorter)
	return fmt.Sprintf("%d of %s came faster than anybody types, %q after %s",
		len(fast), lines(len(ps)), worst.text, seconds(worst.reply))
}

// typingTime is the least that a line takes.
func typingTime(text string) time.Duration {
	return max(shortest, time.Duration(utf8.RuneCountInString(text))*time.Second/fastest)
}

// inBursts finds lines that came together.
func inBursts(ps []pause) string {
	run, longest := 0, 0
	for _, p := range ps {
		if run++; p.reply > burstPause {
			run = 0
		}
		longest = max(longest, run)
	}
	if longest < burst {
		return ""
	}
	return fmt.Sprintf("%s came at once", lines(longest))
}

// evenSteps finds the pauses of a script that sleeps.
func evenSteps(ps []pause) string {
	if len(ps) < enough {
		return ""
	}
	afterReply, afterLine := 0, 0 // a script may wait for the answer, or only sleep
	for _, p := range ps {
		if isStep(p.reply) {
			afterReply++
		}
		if isStep(p.since) {
			afterLine++
		}
	}
	even := max(afterReply, afterLine)
	if 5*even < 4*len(ps) {
		return ""
	}
	return fmt.Sprintf("%d of %s came after pauses of whole half seconds, as a script makes them", even, lines(len(ps)))
}

func isStep(d time.Duration) bool {
	d += slack / 6 // what a sleep is short by, seen from a reply that took a moment
	return d >= step && d%step <= slack
}

func median(ps []pause) time.Duration {
	sorted := slices.Clone(ps)
	slices.SortFunc(sorted, shorter)
	return sorted[len(sorted)/2].reply
}

func shorter(a, b pause) int { return int(a.reply - b.reply) }

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

func lines(n int) string {
	if n == 1 {
		return "1 line"
	}
	return fmt.Sprintf("%d lines", n)
}
