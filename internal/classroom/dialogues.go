package classroom

import (
	"fmt"
	"io"
	"strings"
	"time"

	"maillab/internal/dialogue"
	"maillab/internal/say"
	"maillab/internal/screen"
)

// WriteDialogue writes a dialogue as a transcript, its time in the lab's zone.
func WriteDialogue(w io.Writer, t say.Tongue, d dialogue.Dialogue, zone *time.Location) {
	byHand, why := dialogue.ByHand(d)
	for n, reason := range why { // each by itself: a command that it names may have joints of a sentence in it
		why[n] = t.Text(reason)
	}
	how := map[bool]string{true: "by hand", false: "by a program"}[byHand]
	who := ""
	if len(d.Accounts) > 0 {
		who = t.Sprintf(" as %s", strings.Join(d.Accounts, ", "))
	}
	t.Fprintf(w, "%s %s from %s%s, %s: %s\n", strings.ToUpper(d.Service), d.Start.In(zone).Format(time.DateTime), d.Peer, who, how, strings.Join(why, t.Joint("; ")))
	for _, l := range d.Lines {
		fmt.Fprintf(w, "%8.1f  %s\n", l.At.Sub(d.Start).Seconds(), LineText(t, l))
	}
	if d.Skipped > 0 {
		t.Fprintf(w, "          (%d reply lines were not kept)\n", d.Skipped)
	}
	if d.Cut {
		t.Fprintln(w, "          (the record is not whole)")
	}
	fmt.Fprintln(w)
}

// LineText is a line as a transcript has it, with nothing in it that a terminal would act upon.
func LineText(t say.Tongue, l dialogue.Line) string {
	text := screen.Line(l.Text)
	switch l.Kind {
	case dialogue.Command:
		return "C: " + text
	case dialogue.Data:
		return t.Sprintf("   (%d octets of a message)", l.Bytes)
	case dialogue.Fault:
		return t.Sprintf("   (on purpose: %s)", text)
	case dialogue.Login:
		return t.Sprintf("   (logged in: %s)", text)
	case dialogue.Begin:
		return t.Text("   (connected)")
	case dialogue.End:
		return t.Text("   (ended)")
	}
	return "S: " + text
}

// DialoguesText is a student's transcripts, for a file.
func DialoguesText(all []dialogue.Dialogue, zone *time.Location) string {
	var text strings.Builder
	for _, d := range all {
		WriteDialogue(&text, say.In("en"), d, zone)
	}
	return text.String()
}

// DialogueTable is a row a dialogue.
func DialogueTable(all []dialogue.Dialogue) (header []string, rows [][]string) {
	for _, d := range all {
		byHand, _ := dialogue.ByHand(d)
		rows = append(rows, []string{d.ID, d.Service, d.Peer, strings.Join(d.Accounts, " "), d.Start.Format(time.RFC3339),
			fmt.Sprint(len(d.Commands())), map[bool]string{true: "hand", false: "program"}[byHand]})
	}
	return []string{"id", "service", "peer", "accounts", "start", "commands", "by"}, rows
}

// WriteEvent writes one line of a dialogue that is followed, of one service where that is not "".
func WriteEvent(w io.Writer, t say.Tongue, e dialogue.Event, service string, zone *time.Location) error {
	if service != "" && e.Service != service {
		return nil
	}
	if e.Lost > 0 {
		t.Fprintf(w, "(%d lines were missed)\n", e.Lost)
	}
	_, err := fmt.Fprintf(w, "%s %-4s %s\n", e.Line.At.In(zone).Format(time.TimeOnly), e.Service, LineText(t, e.Line))
	return err
}
