package drawing

import (
	"fmt"
	"time"

	"maillab/internal/dialogue"
	"maillab/internal/lab/task"
)

// Measures of a ladder, in units of its own: the page scales them.
const (
	ladderWidth = 900
	rung        = 24  // from line to line
	client      = 90  // where the student's rail stands
	server      = 770 // and the server's
	column      = 88  // characters between them, at 7.2 units each
	ladderLines = 400 // what comes later is left out
)

// Ladder draws a dialogue: the student at the left, the server at the right, each line an arrow from who said it.
func Ladder(service string, steps []Step, lang string) []byte {
	c := &canvas{}
	left := max(0, len(steps)-ladderLines)
	steps = steps[:len(steps)-left]
	top := 2 * rung
	for i, s := range steps {
		y := top + i*rung
		c.rect(client, y, server-client, rung, "phase "+string(s.Phase))
		if i == 0 || steps[i-1].Phase != s.Phase {
			c.text(server+10, y+16, 16, "phase-name "+string(s.Phase), s.Phase.Name().In(lang))
		}
		c.step(y, s, lang)
	}
	bottom := top + len(steps)*rung
	c.line(client, top, client, bottom, "rail")
	c.line(server, top, server, bottom, "rail")
	c.text(client, rung, 20, "who", whoSays(dialogue.Client).In(lang))
	c.text(server, rung, 20, "who", whoSays(dialogue.Server).In(lang))
	if left > 0 {
		c.text(client, bottom+16, column, "note", leftOut(left).In(lang))
	}
	return c.finish(ladderWidth, bottom+rung, "ladder", ladderTitle(service, len(steps)+left).In(lang))
}

func (c *canvas) step(y int, s Step, lang string) {
	if s.After >= 0 {
		c.text(client-10, y+16, 10, "time", since(s.After))
	}
	class := "said"
	if s.Refused {
		class = "said refused"
	}
	c.text(client+14, y+14, column, class, said(s).In(lang))
	switch {
	case s.After < 0: // a line of a message: it passes with the others, when the dot is typed
	case s.From == dialogue.Client:
		c.line(client, y+20, server-6, y+20, "arrow")
		c.path("head", "M%d %dl-8 -4v8z", server, y+20)
	default:
		c.line(client+6, y+20, server, y+20, "arrow")
		c.path("head", "M%d %dl8 -4v8z", client, y+20)
	}
}

// since is a time in a dialogue: seconds, with minutes from the first on.
func since(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%d:%02d", int(d.Minutes()), int(d.Seconds())%60)
}

func said(s Step) task.Text {
	if s.Octets > 0 {
		return task.Text{"fr": fmt.Sprintf("(un message de %d octets)", s.Octets), "en": fmt.Sprintf("(a message of %d octets)", s.Octets)}
	}
	return task.Text{"fr": s.Text, "en": s.Text}
}

func whoSays(side dialogue.Side) task.Text {
	if side == dialogue.Client {
		return task.Text{"fr": "Vous", "en": "You"}
	}
	return task.Text{"fr": "Serveur", "en": "Server"}
}

func ladderTitle(service string, lines int) task.Text {
	name := map[string]string{"smtp": "SMTP", "pop3": "POP3", "imap": "IMAP"}[service]
	return task.Text{"fr": fmt.Sprintf("Dialogue %s de %d lignes", name, lines), "en": fmt.Sprintf("%s dialogue of %d lines", name, lines)}
}

func leftOut(n int) task.Text {
	return task.Text{"fr": fmt.Sprintf("… et %d lignes encore", n), "en": fmt.Sprintf("… and %d lines more", n)}
}

// Told is the same in words: a line for each line, those that begin a phase with its name in front.
func Told(steps []Step, lang string) []string {
	var out []string
	for i, s := range steps {
		text := whoSays(s.From).In(lang) + ": " + said(s).In(lang)
		if lang == "fr" {
			text = whoSays(s.From).In(lang) + " : " + said(s).In(lang)
		}
		if i == 0 || steps[i-1].Phase != s.Phase {
			text = "[" + s.Phase.Name().In(lang) + "] " + text
		}
		out = append(out, text)
	}
	return out
}
