// Command lab is what a student in a sandbox calls to see the lab's tasks and to have what they did checked.
package main

import (
	"context"
	"os"
	"os/signal"

	"golang.org/x/term"

	"maillab/internal/worksheet"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	env := worksheet.Env{In: os.Stdin, Asks: term.IsTerminal(int(os.Stdin.Fd())), Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv}
	if fd := int(os.Stdout.Fd()); term.IsTerminal(fd) {
		env.Color = os.Getenv("NO_COLOR") == ""
		env.Width, _, _ = term.GetSize(fd) // 0 when it is not known
	}
	code := worksheet.Main(ctx, os.Args[1:], env)
	stop()
	os.Exit(code)
}
