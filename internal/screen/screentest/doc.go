// Package screentest gives tests a terminal: a pseudo-terminal, whose one end a test types at and reads, as a person does, while
// a program has the other. Linux has them as pty(7) says; elsewhere the package is empty.
package screentest
