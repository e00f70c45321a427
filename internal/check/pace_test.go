package check

import (
	"strings"
	"testing"
	"time"

	"maillab/internal/dialogue"
)

// talked is a dialogue of command lines: how long each came after the answer before it, and how long its own answer took.
func talked(pause, answer float64, lines ...string) dialogue.Dialogue {
	d := dialogue.Dialogue{Start: time.Date(2026, 3, 26, 11, 0, 0, 0, time.UTC)}
	now := d.Start.Add(time.Duration(answer * float64(time.Second)))
	d.Lines = append(d.Lines, dialogue.Line{At: now, From: dialogue.Server, Kind: dialogue.Reply, Text: "+OK"})
	for _, line := range lines {
		now = now.Add(time.Duration(pause * float64(time.Second)))
		d.Lines = append(d.Lines, dialogue.Line{At: now, From: dialogue.Client, Kind: dialogue.Command, Text: line})
		now = now.Add(time.Duration(answer * float64(time.Second)))
		d.Lines = append(d.Lines, dialogue.Line{At: now, From: dialogue.Server, Kind: dialogue.Reply, Text: "+OK"})
	}
	return d
}

// TestPaceInFrench: each reason that a record can give is told in both languages.
func TestPaceInFrench(t *testing.T) {
	for want, d := range map[string]dialogue.Dialogue{
		"aucune commande":                               {},
		"plus vite que personne ne tape":                talked(0.001, 0.001, "user util1", "stat"),
		"lignes sont venues d'un coup":                  talked(0, 0, "user util1", "stat", "quit"),
		"dès que le serveur avait répondu":              talked(0.001, 0.9, "user util1", "stat"),
		"demi-secondes entières":                        talked(1.001, 0.001, "user util1", "pass x", "stat", "list", "quit"),
		"des pauses toutes égales":                      talked(0.8, 0.001, "user util1", "pass x", "stat", "quit"),
		"les pauses d'une personne : médiane de 2,30 s": talked(2.3, 0.001, "user util1", "pass x", "stat"),
	} {
		_, why := pace(d)
		if !strings.Contains(why["fr"], want) {
			t.Errorf("%q is not in %q", want, why)
		}
		_, reasons := dialogue.ByHand(d)
		for _, reason := range reasons {
			if inFrench(reason) == reason {
				t.Errorf("%q has no French", reason)
			}
		}
	}
}
