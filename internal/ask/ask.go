// Package ask puts questions to who sits at the terminal. An answer that is waited for ends with its context, and whatever ends
// it, the terminal shows again what is typed.
package ask

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"maillab/internal/say"
	"maillab/internal/screen"
)

// ErrLeft ends questions that were answered with Ctrl-C or Ctrl-D.
var ErrLeft = errors.New("nothing was done")

// Person is who may be asked: what they type, what they see, and the language in which they are spoken to.
type Person struct {
	In  io.Reader
	Out io.Writer
	Say say.Tongue
}

// There tells whether somebody is: a terminal that no person looks at is one all the same.
func (p Person) There() bool { return screen.IsTerminal(p.In) }

// Yes asks a question that is agreed to by y or yes, in French by o or oui. Its error is that of ctx, of a question left open.
func (p Person) Yes(ctx context.Context, question string) (bool, error) {
	p.Say.Fprintf(p.Out, "%s [y/N] ", question)
	line, err := p.typed(ctx, func() (string, error) {
		line, _ := bufio.NewReader(p.In).ReadString('\n') // what ends without a line is no yes
		return line, nil
	})
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes", "o", "oui":
		return true, err
	}
	return false, err
}

// typed waits for what is read from a terminal, and no longer than ctx. Nothing ends a read of a terminal before its line
// is whole: it is left behind, for the end of the process.
func (p Person) typed(ctx context.Context, read func() (string, error)) (string, error) {
	type answer struct {
		text string
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		text, err := read()
		answers <- answer{text, err}
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(p.Out)
		return "", ctx.Err()
	case got := <-answers:
		return got.text, got.err
	}
}

// Hidden asks on a terminal for what is not to be seen. Raw, it shows nothing and gives Ctrl-C as what it is, which ends the
// questions as the signal would (ErrLeft).
func (p Person) Hidden(ctx context.Context, tty *os.File, prompts ...string) (words []string, err error) {
	was, err := term.MakeRaw(int(tty.Fd()))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, term.Restore(int(tty.Fd()), was)) }()
	lines := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{tty, screen.Raw(p.Out)}, "")
	for _, prompt := range prompts {
		word, err := p.typed(ctx, func() (string, error) { return lines.ReadPassword(prompt) })
		if errors.Is(err, io.EOF) { // Ctrl-C or Ctrl-D
			fmt.Fprint(screen.Raw(p.Out), "\r\n")
			return nil, ErrLeft
		}
		if err != nil {
			return nil, err
		}
		words = append(words, word)
	}
	return words, nil
}
