package cli_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"

	"maillab/internal/screen/screentest"
)

// evil is what a student may write anywhere: it is EVIL, and commands to a terminal in every way that there is.
const evil = "EVIL\x1b[2J\u009b31m\x9b\u202eliame\u2066\u200f\u2028\x07"

// misbehave writes it wherever the SMTP of an instance's first sandbox takes it: commands, a name, a subject, a body.
func misbehave(name, to string) int {
	conn, err := net.Dial("tcp", addressesOf(name)[0]["smtp"])
	if err == nil {
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(time.Minute))
		_, err = fmt.Fprintf(conn, "HELO %[1]s\r\nRCPT TO:<%[1]s>\r\nMAIL FROM:<%[2]s@local.example>\r\nRCPT TO:<nobody%[1]s@local.example>\r\nRCPT TO:<%[2]s>\r\nDATA\r\n"+
			"Subject: %[1]s\r\n\r\n%[1]s\r\n.\r\nVRFY %[1]s\r\n", evil, to)
	}
	for seen := ""; err == nil && !strings.Contains(seen, "\n250 2.0.0 Ok: queued"); {
		reply := make([]byte, 4096)
		n, e := conn.Read(reply)
		seen, err = seen+string(reply[:n]), e
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "misbehave:", err)
		return 1
	}
	return 0
}

// terminal runs a command on a terminal, which must be shown EVIL and no command but, for board, that which clears it.
func terminal(args []string) int {
	fail := func(err error) int {
		fmt.Fprintln(os.Stderr, "terminal:", err)
		return 1
	}
	person, tty, err := screentest.Pair()
	if err != nil {
		return fail(err)
	}
	defer person.Close()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = tty, tty
	if err := cmd.Start(); err != nil {
		return fail(err)
	}
	tty.Close()
	var shown bytes.Buffer
	for part := make([]byte, 4096); ; { // until nobody has the other end any more, which is EIO
		n, err := person.Read(part)
		shown.Write(part[:n])
		if err != nil {
			break
		}
		if args[1] == "board" && bytes.Contains(shown.Bytes(), []byte("EVIL")) && bytes.HasSuffix(shown.Bytes(), []byte("\n")) {
			_ = cmd.Process.Signal(os.Interrupt) // it goes on for ever
		}
	}
	_ = cmd.Wait() // a check that has not passed, and a board that was ended
	text := shown.String()
	if args[1] == "board" {
		text = strings.ReplaceAll(text, "\x1b[H\x1b[2J", "")
	}
	_, _ = io.WriteString(os.Stdout, strings.ToValidUTF8(text, "RAW OCTET"))
	bad := strings.IndexFunc(strings.ReplaceAll(text, "\r\n", "\n"), func(r rune) bool {
		return r < ' ' && r != '\n' && r != '\t' || 0x7f <= r && r < 0xa0 || strings.ContainsRune("\u200f\u2028\u202e\u2066", r)
	})
	if bad >= 0 || strings.ToValidUTF8(text, "") != text || !strings.Contains(text, "EVIL") {
		return fail(fmt.Errorf("%v: at octet %d of %q", args, bad, text))
	}
	return 0
}
