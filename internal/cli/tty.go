package cli

import "golang.org/x/term"

// isTTY tells whether a descriptor is a terminal.
func isTTY(fd int) bool { return term.IsTerminal(fd) }
