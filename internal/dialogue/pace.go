package dialogue

import (
	"fmt"
	"slices"
	"time"
	"unicode/utf8"
)

// What typing by hand looks like. A line at a telnet prompt comes whole when Return is hit, so the time from what the
// server said last to its coming is the time that it took to think and to type it. All figures are on the student's side:
// they let pass who types fast or pastes a line now and then.
//
// A busy machine must not change the judgement (docs/decisions/0007). What it does is answer late: a line that was typed
// meanwhile is taken up the moment that its turn comes, and so seems to have taken no time. Such a line, that would have
// been slow enough counted from the line before it, says nothing: a person may have typed ahead, a program may have waited
// for the answer. Lines that do say something decide, and one at least must be there that a person can have typed.
const (
	// fastest is the speed that nobody types at, in characters a second (240 words a minute are 20).
	fastest = 20
	// shortest is the pause that nobody keeps under, however short the line.
	shortest = 150 * time.Millisecond
	// leastTyped: one in so many lines at least must have come as if typed.
	leastTyped = 3
	// burst is how many lines in a row, each within burstPause, are a paste or a program.
	burst      = 3
	burstPause = 30 * time.Millisecond
	// A script that sleeps keeps pauses of whole steps, within slack; with fewer pauses than enough, that is chance.
	step   = 500 * time.Millisecond
	slack  = 30 * time.Millisecond
	enough = 5
	// Pauses that are all the same, whatever their length, are a script's from four on; of so many one may differ.
	same     = 4
	oneOfSix = 6
)

// pause is the time before a command line.
type pause struct {
	text  string
	reply time.Duration // since anything was said
	since time.Duration // since the command line before, or the start
}

// kind of a pause: what it says of how its line came.
type kind int

const (
	fast   kind = iota // nobody types it in that time
	silent             // the server was slow to answer: nothing can be told
	typed
)

func (p pause) kind() kind {
	switch least := typingTime(p.text); {
	case p.reply >= least:
		return typed
	case p.since >= least:
		return silent
	}
	return fast
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
	for _, reason := range []string{tooFast(pauses), inBursts(pauses), evenSteps(pauses), evenPauses(pauses)} {
		if reason != "" {
			against = append(against, reason)
		}
	}
	if len(against) > 0 {
		return false, against
	}
	telling := slices.DeleteFunc(slices.Clone(pauses), func(p pause) bool { return p.kind() == silent })
	return true, []string{fmt.Sprintf("%s, with pauses as a person makes: a median of %s, %s at least",
		lines(len(pauses)), seconds(median(telling)), seconds(slices.MinFunc(telling, shorter).reply))}
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

func ofKind(ps []pause, k kind) []pause {
	return slices.DeleteFunc(slices.Clone(ps), func(p pause) bool { return p.kind() != k })
}

// tooFast finds that more lines came faster than they can be typed than not, or that none came as if typed.
func tooFast(ps []pause) string {
	quick, slow := ofKind(ps, fast), ofKind(ps, typed)
	switch {
	case len(quick) <= len(slow) && leastTyped*len(slow) >= len(ps):
		return ""
	case len(quick) == 0:
		return fmt.Sprintf("%s, each of them there the moment that the server had answered", lines(len(ps)))
	}
	worst := slices.MinFunc(quick, shorter)
	return fmt.Sprintf("%d of %s came faster than anybody types, %q after %s",
		len(quick), lines(len(ps)), worst.text, seconds(worst.reply))
}

// typingTime is the least that a line takes.
func typingTime(text string) time.Duration {
	return max(shortest, time.Duration(utf8.RuneCountInString(text))*time.Second/fastest)
}

// inBursts finds lines that came together. Lines that an answer took its time between did not.
func inBursts(ps []pause) string {
	run, longest := 0, 0
	for _, p := range ps {
		if run++; p.reply > burstPause || p.kind() == silent {
			run = 0
		}
		longest = max(longest, run)
	}
	if longest < burst {
		return ""
	}
	return fmt.Sprintf("%s came at once", lines(longest))
}

// ofReply and ofSince are for the two ways of a script: it waits for the answer, or only sleeps.
func ofReply(p pause) time.Duration { return p.reply }
func ofSince(p pause) time.Duration { return p.since }

// evenSteps finds the pauses of a script that sleeps: nearly all of whole steps, and most of them equal. Without the second,
// a machine that lets the daemon run at every tenth of a second only would make steps of a person's pauses now and then.
func evenSteps(ps []pause) string {
	if len(ps) < enough {
		return ""
	}
	even := max(steps(ps, ofReply), steps(ps, ofSince))
	if 5*even < 4*len(ps) {
		return ""
	}
	return fmt.Sprintf("%d of %s came after pauses of whole half seconds, as a script makes them", even, lines(len(ps)))
}

// steps counts the pauses of whole steps, if more than half of all pauses are the same one.
func steps(ps []pause, of func(pause) time.Duration) int {
	even := 0
	equal := map[time.Duration]int{}
	most := 0
	for _, p := range ps {
		if d := of(p); isStep(d) {
			even++
			n := (d + slack/6) / step
			equal[n]++
			most = max(most, equal[n])
		}
	}
	if 2*most <= len(ps) {
		return 0
	}
	return even
}

// evenPauses finds pauses that are all the same, of any length: no person keeps time like that over four lines. What
// evenSteps tells of already is not told again.
func evenPauses(ps []pause) string {
	equal := max(alike(ps, ofReply), alike(ps, ofSince))
	if len(ps) < same || equal < len(ps)-len(ps)/oneOfSix || evenSteps(ps) != "" {
		return ""
	}
	return fmt.Sprintf("%d of %s came after pauses that are all the same, as a script makes them", equal, lines(len(ps)))
}

// alike is how many pauses at most lie within slack of each other, of those in which a line can be typed at all.
func alike(ps []pause, of func(pause) time.Duration) (most int) {
	var all []time.Duration
	for _, p := range ps {
		if d := of(p); d >= shortest {
			all = append(all, d)
		}
	}
	slices.Sort(all)
	first := 0
	for i, d := range all {
		for d-all[first] > slack {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
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
