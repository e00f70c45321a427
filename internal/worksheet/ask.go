package worksheet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"maillab/internal/lab/task"
)

// answer gives an answer. What is not in the arguments, where a shell takes <, > and quotes for its own, is asked for on a
// terminal, or read from wherever standard input comes.
func (c *command) answer(ctx context.Context, id, text string) (int, error) {
	if text == "" {
		var err error
		if text, err = c.asked(ctx, id); err != nil {
			return ExitFailed, err
		}
	}
	return c.show(ctx, http.MethodPost, "/v1/lab/answer", map[string]any{"task": id, "text": text}, c.checked)
}

// asked reads an answer: on a terminal up to an empty line or Ctrl-D, else to the end.
func (c *command) asked(ctx context.Context, id string) (string, error) {
	if c.In == nil {
		return "", nil
	}
	if !c.Asks {
		text, err := io.ReadAll(io.LimitReader(c.In, maxAnswer+2)) // more is refused as too long
		return string(text), err
	}
	sheet, err := c.ask(ctx, http.MethodGet, "/v1/lab", nil)
	if err != nil {
		return "", err
	}
	if _, err := only(id, c.invite)(sheet); err != nil {
		return "", err
	}
	return c.typed(ctx)
}

// invite says what is asked, and how an answer ends.
func (c *command) invite(s Sheet, t Task) (int, error) {
	c.paragraph(t.Title)
	c.paragraph(t.Ask)
	text := task.Text{"fr": "Votre réponse, puis une ligne vide (Entrée deux fois) :", "en": "Your answer, then an empty line (Return twice):"}
	_, err := fmt.Fprintln(c.Out, text.In(s.Lang))
	return ExitDone, err
}

// typed reads lines up to an empty one after the first that is none.
func (c *command) typed(ctx context.Context) (string, error) {
	read := make(chan struct{})
	var lines []string
	var err error
	go func() {
		defer close(read)
		lines, err = paragraphOf(c.In)
	}()
	select {
	case <-ctx.Done(): // the reader stays with the terminal until the program ends
		return "", ctx.Err()
	case <-read:
		return strings.Join(lines, "\n"), err
	}
}

// paragraphOf reads octet by octet: what follows is not the answer's.
func paragraphOf(in io.Reader) (lines []string, err error) {
	one := make([]byte, 1)
	for line, size := "", 0; size <= maxAnswer; {
		n, err := in.Read(one)
		if n == 1 && one[0] != '\n' {
			line += string(one)
			size++
			continue
		}
		ended := errors.Is(err, io.EOF)
		if strings.TrimSpace(line) != "" {
			lines = append(lines, line)
		} else if len(lines) > 0 && !ended {
			return lines, nil
		}
		if err != nil {
			if ended {
				err = nil
			}
			return lines, err
		}
		line = ""
	}
	return lines, errTooLong
}
