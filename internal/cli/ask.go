package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"maillab/internal/screen"
)

// confirm asks before something is destroyed. Without a terminal, and without -y, the answer is no.
func (a *app) confirm(ctx context.Context, question string) error {
	if a.flags.yes {
		return nil
	}
	if !screen.IsTerminal(a.In) {
		return &failure{err: fmt.Errorf("%s — nothing was done", question), code: exitUsage, hint: "say -y to agree where nobody can be asked"}
	}
	a.Fprintf(a.Err, "%s [y/N] ", question)
	line, err := a.typed(ctx, func() (string, error) {
		line, _ := bufio.NewReader(a.In).ReadString('\n') // what ends without a line is no yes
		return line, nil
	})
	if err != nil {
		return err
	}
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes", "o", "oui":
		return nil
	}
	return &failure{err: errors.New("nothing was done"), code: exitFailed}
}

// asks tells whether somebody can be asked, and is to be.
func (a *app) asks() bool { return !a.flags.yes && screen.IsTerminal(a.In) }

// confirmAtTerminal asks where somebody can be asked. Elsewhere the command itself is the answer: what it destroys is what
// it is named after.
func (a *app) confirmAtTerminal(ctx context.Context, question string) error {
	if !a.asks() {
		return nil
	}
	return a.confirm(ctx, question)
}

// typed waits for what is read from a terminal, and no longer than ctx. Nothing ends a read of a terminal before its line
// is whole: it is left behind, for the end of the process.
func (a *app) typed(ctx context.Context, read func() (string, error)) (string, error) {
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
		fmt.Fprintln(a.Err)
		return "", &failure{err: errors.New("nothing was done"), code: exitCode(ctx.Err())}
	case got := <-answers:
		return got.text, got.err
	}
}

// hidden asks on a terminal for what is not to be seen. Raw, it shows nothing and gives Ctrl-C as what it is, which ends the
// questions as the signal would; whatever ends them, it shows again what is typed.
func (a *app) hidden(ctx context.Context, tty *os.File, prompts ...string) (words []string, err error) {
	was, err := term.MakeRaw(int(tty.Fd()))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, term.Restore(int(tty.Fd()), was)) }()
	lines := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{tty, screen.Raw(a.Err)}, "")
	for _, prompt := range prompts {
		word, err := a.typed(ctx, func() (string, error) { return lines.ReadPassword(prompt) })
		if errors.Is(err, io.EOF) { // Ctrl-C or Ctrl-D
			fmt.Fprint(screen.Raw(a.Err), "\r\n")
			return nil, &failure{err: errors.New("nothing was done"), code: exitInterrupted}
		}
		if err != nil {
			return nil, err
		}
		words = append(words, word)
	}
	return words, nil
}
