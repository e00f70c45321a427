package imap_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"maillab/internal/mail/imap"
	"maillab/internal/mail/imap/imaptest"
)

// TestBinaryAppend: every octet of a binary part comes back, and its size is right, whether it is held or in a file; without a
// binary part nothing is changed.
func TestBinaryAppend(t *testing.T) {
	odd := "\x00\r\n\n\rFrom x\r.\r\n\xff\x00" + strings.Repeat("\x00\r\x01\n", 20)
	for name, part := range map[string]string{"small": odd, "large": strings.Repeat(odd, 1000)} {
		t.Run(name, func(t *testing.T) {
			backend := imaptest.New()
			backend.AddUser("util1", "master2021", 0)
			server := imap.New(imap.Config{Wording: "dovecot", Stage: func() (*os.File, error) { return os.CreateTemp(t.TempDir(), "") }}, backend)
			c := loggedIn(t, server, "")
			message := "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b\r\nContent-Type: application/octet-stream\r\n" +
				"Content-Transfer-Encoding: binary\r\n\r\n" + part + "\r\n--b--\r\n"
			c.ok(fmt.Sprintf("APPEND INBOX ~{%d+}\r\n%s", len(message), message))
			c.ok("SELECT INBOX")
			c.want("FETCH 1 BINARY.SIZE[2]", fmt.Sprintf("* 1 FETCH (BINARY.SIZE[2] %d)", len(part)), "t OK Fetch completed.")
			c.want("FETCH 1 BODY[1]", "* 1 FETCH (FLAGS (\\Seen \\Recent) BODY[1] {4}", "text)", "t OK Fetch completed.")
			c.send("t FETCH 1 BINARY.PEEK[2]\r\n")
			want := fmt.Sprintf("* 1 FETCH (BINARY[2] ~{%d}\r\n%s)\r\n", len(part), part)
			got := make([]byte, len(want))
			for n := 0; n < len(got); {
				m, err := c.in.Read(got[n:])
				if err != nil {
					t.Fatal(err)
				}
				n += m
			}
			if string(got) != want {
				t.Errorf("%d octets came back as %q…", len(part), got[:min(len(got), 200)])
			}
		})
	}
	backend := imaptest.New()
	backend.AddUser("util1", "master2021", 0)
	c := loggedIn(t, imap.New(imap.Config{Wording: "dovecot"}, backend), "")
	c.ok("APPEND INBOX ~{14+}\r\nSubject: x\r\n\r\n")
	c.ok("APPEND INBOX {16+}\r\nSubject: x\r\n\r\n\x00\x01")
	c.ok("SELECT INBOX")
	c.want("FETCH 1:2 BODY.PEEK[]", "* 1 FETCH (BODY[] {14}", "Subject: x", "", ")", "* 2 FETCH (BODY[] {16}", "Subject: x", "", "\x80\x01)", "t OK Fetch completed.")
}
