package terminal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
)

// server says a greeting, answers each line, and hangs up after QUIT.
func server(conn net.Conn, service string) {
	defer conn.Close()
	fmt.Fprintf(conn, "220 %s\r\n", service)
	for in := bufio.NewScanner(conn); in.Scan(); {
		fmt.Fprintf(conn, "250 %q\r\n", in.Text())
		if in.Text() == "QUIT" {
			return
		}
	}
}

func newConsole(t *testing.T) *Terminal {
	t.Helper()
	console := Console{Host: "h.test",
		Dial: func(_ context.Context, service string) (net.Conn, error) {
			if service == "imap" {
				return nil, errors.New("off")
			}
			here, there := net.Pipe()
			go server(there, service)
			return here, nil
		},
		Words: func(key string, args ...any) string { return key + fmt.Sprint(args...) },
	}
	term := Start(console.Run(60, 20), 60, 20)
	t.Cleanup(term.Close)
	return term
}

// TestConsole: telnet as one knows it, with lines that are sent when they are ended, and corrected before.
func TestConsole(t *testing.T) {
	term := newConsole(t)
	shows := func(want ...string) {
		t.Helper()
		until(t, term, func(w *watched) bool {
			screen := strings.Join(w.rows, "\n")
			for _, one := range want {
				if !strings.Contains(screen, one) {
					return false
				}
			}
			return true
		})
	}
	enter := func(keys string) {
		t.Helper()
		if err := term.Type(keys); err != nil {
			t.Fatal(err)
		}
	}
	shows("helloh.test", "$")
	enter("rm -rf /\r")
	shows("unknownrm")
	enter("telnet elsewhere 25\r")
	shows("could not resolve elsewhere/25")
	enter("telnet localhost 80\rtelnet localhost imap\r")
	shows("Connection refused", "(port 143): off")
	enter("telnet H smtp\r")
	shows("Connected to H.", "220 smtp")
	enter("HELO p\x7fq\r")
	shows(`250 "HELO q"`)
	enter("QUIT\r")
	shows(`250 "QUIT"`, "Connection closed by foreign host.")
	enter("telnet localhost 110\r")
	shows("220 pop3")
	enter("half a line\x1d")
	shows("telnet>")
	enter("status\r")
	shows("Operating in line mode.")
	enter("LIST\r")
	shows(`250 "LIST"`)
	enter("\x1dnonsense\r")
	shows("?Invalid command")
	enter("\x1d\rNOOP\r")
	shows(`250 "NOOP"`)
	enter("\x1dq\r")
	shows("Connection closed.\n$")
	enter("clear\r")
	shows("unknownclear")
	enter("\x1dtelnet localhost 25\r") // means nothing where there is no connection
	shows("220 smtp")
	enter("\x04")
	shows("Connection closed.\n$")
	enter("exit\r")
	shows("stay")
}
