package imap_test

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"

	"maillab/internal/mail/imap"
	"maillab/internal/mail/imap/imaptest"
)

// TestSpill: a large message arrives the same whether it waits in a file or in memory, however it is announced; what is
// wrong with the command or the file is told, the session goes on, and no file is left open.
func TestSpill(t *testing.T) {
	message := "Subject: large\r\n\r\n" + strings.Repeat("line\r\n", 20_000)
	n := strconv.Itoa(len(message))
	for name, test := range map[string]struct{ typed, want string }{
		"asked for":         {"t APPEND INBOX (\\Seen) {" + n + "}\n" + message + "\n", "t OK [APPENDUID 1001 1]"},
		"unasked":           {"t APPEND INBOX {" + n + "+}\n" + message + "\n", "t OK [APPENDUID 1001 1]"},
		"UTF8":              {"t APPEND INBOX UTF8 (~{" + n + "+}\n" + message + ")\n", "t OK [APPENDUID 1001 1]"},
		"something behind":  {"t APPEND INBOX {" + n + "+}\n" + message + " x\n", "t BAD"},
		"two":               {"t APPEND INBOX {" + n + "+}\n" + message + " {5+}\nhello\n", "t BAD"},
		"two large":         {"t APPEND INBOX {" + n + "+}\n" + message + " {130000+}\n" + strings.Repeat("x", 130_000) + "\n", "t BAD"},
		"as a name":         {"t APPEND {" + n + "+}\n" + message + " {5+}\nhello\n", "t BAD"},
		"no such mailbox":   {"t APPEND nope {" + n + "+}\n" + message + "\n", "t NO [TRYCREATE]"},
		"not the literal":   {"t APPEND INBOX {5} {" + n + "+}\n" + message + "\n", "t BAD"},
		"another command":   {"t SUBSCRIBE {" + n + "+}\n" + message + "\n", "t "},
		"an empty list":     {"t APPEND INBOX UTF8 ()\n", "t BAD"},
		"cut off":           {"t APPEND INBOX {" + n + "+}\n" + message[:100_000], ""},
		"a file that is ro": {"t APPEND INBOX {" + n + "+}\n" + message + "\n", "t NO [SERVERBUG]"},
		"no file":           {"t APPEND INBOX {" + n + "+}\n" + message + "\n", "t NO [UNAVAILABLE]"},
	} {
		t.Run(name, func(t *testing.T) {
			var files []*os.File
			stage := func() (*os.File, error) {
				if name == "no file" {
					return nil, errors.New("no room")
				}
				f, err := os.CreateTemp(t.TempDir(), "")
				if err == nil && name == "a file that is ro" {
					f.Close()
					f, err = os.Open(f.Name())
				}
				files = append(files, f)
				return f, err
			}
			backend := imaptest.New()
			backend.AddUser("u", "p", 0)
			conn := &script{Reader: strings.NewReader("0 LOGIN u p\n" + test.typed + "n NOOP\nf EXAMINE INBOX\ng FETCH 1 (BODY[])\n")}
			imap.New(imap.Config{Wording: "dovecot", Stage: stage}, backend).ServeConn(t.Context(), conn)
			answer := conn.out.String()
			if !strings.Contains(answer, "\r\n"+test.want) || test.want != "" && !strings.Contains(answer, "\r\nn OK") {
				t.Errorf("answered %.2000q", answer)
			}
			if came := strings.Contains(answer, "BODY[] {"+n+"}\r\n"+message); came != strings.HasPrefix(test.want, "t OK") {
				t.Errorf("the message is there: %v", came)
			}
			for _, f := range files {
				if !errors.Is(f.Close(), os.ErrClosed) {
					t.Error("a file is left open")
				}
			}
		})
	}
}
