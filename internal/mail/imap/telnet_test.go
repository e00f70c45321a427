package imap_test

import (
	"io"
	"strings"
	"testing"
)

// A telnet that was interrupted with Ctrl-C sends IP and DO TIMING-MARK, and shows nothing until that is answered.
const ctrlC, mark = "\xff\xf4\xff\xfd\x06", "\xff\xfc\x06"

// TestTelnetCtrlC: the timing mark is answered at once, wherever a line is read, and what was typed goes on.
func TestTelnetCtrlC(t *testing.T) {
	_, server := start(t, "courier")
	c := connect(t, server)
	expectMark := func(where string) {
		t.Helper()
		got := make([]byte, len(mark))
		if _, err := io.ReadFull(c.in, got); err != nil || string(got) != mark {
			t.Fatalf("%s: %q, %v", where, got, err)
		}
	}
	c.send("a log" + ctrlC)
	expectMark("in a command")
	c.send("in util1 master2021\r\n")
	c.until("a OK")
	c.ok("SELECT INBOX")
	c.send("b idle\r\n")
	c.until("+ ")
	c.send(ctrlC)
	expectMark("in IDLE")
	c.send("DONE\r\n")
	c.until("b OK")
	c.send("c noop\r\n" + ctrlC)
	c.until("c OK")
	expectMark("between commands")

	mail := "Subject: x\r\n\r\n" + ctrlC + "\r\n"
	c.send("d append INBOX {21}\r\n")
	c.until("+ ")
	c.send(mail + "\r\n")
	c.until("d OK")
	if got := strings.Join(c.ok("FETCH * BODY.PEEK[]"), "\r\n"); !strings.Contains(got, ctrlC) || strings.Contains(got, mark) {
		t.Errorf("a message's octets were taken for telnet's: %q", got)
	}
}
