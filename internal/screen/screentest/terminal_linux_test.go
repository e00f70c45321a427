package screentest

import (
	"bufio"
	"io"
	"testing"

	"golang.org/x/term"
)

// TestTerminal: what a person types at one end a program reads at the other, line by line, and its echo comes back.
func TestTerminal(t *testing.T) {
	person, program := Open(t)
	if !term.IsTerminal(int(program.Fd())) || !Echoes(t, program) {
		t.Error("it is no terminal that shows what is typed")
	}
	if _, err := io.WriteString(person, "yes\n"); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(program).ReadString('\n')
	if err != nil || line != "yes\n" {
		t.Errorf("%q, %v", line, err)
	}
	shown, err := bufio.NewReader(person).ReadString('\n')
	if err != nil || shown != "yes\r\n" {
		t.Errorf("%q, %v", shown, err)
	}
	was, err := term.MakeRaw(int(program.Fd()))
	if err != nil || Echoes(t, program) {
		t.Errorf("raw, it shows what is typed: %v", err)
	}
	if err := term.Restore(int(program.Fd()), was); err != nil || !Echoes(t, program) {
		t.Errorf("restored: %v", err)
	}
}
