// Package ci shows how a CI job gets a mail server: each example is run by this package's own tests.
//
// A Go test can bring its own: TestMain runs the test program again below maillab run, which takes the lab away in the
// end. Copy TestMain and TestDelivery, and have maillab in the PATH.
package ci

import (
	"errors"
	"fmt"
	"io"
	"net/smtp"
	"net/textproto"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestMain(m *testing.M) {
	if os.Getenv("MAILLAB_SMTP") != "" {
		os.Exit(m.Run())
	}
	lab := exec.Command(maillab(), append([]string{"run", "--timeout", "5m", "--"}, os.Args...)...)
	lab.Stdin, lab.Stdout, lab.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := lab.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		os.Exit(exit.ExitCode())
	}
	if err != nil {
		fmt.Println("SKIP: no maillab: make build makes it:", err)
	}
}

// maillab is the one of this tree; elsewhere it is the one in the PATH.
func maillab() string {
	if _, err := os.Stat("../../../bin/maillab"); err == nil {
		return "../../../bin/maillab"
	}
	return "maillab"
}

// What is sent by SMTP is read by POP3, as the server keeps it.
func TestDelivery(t *testing.T) {
	from, to, password := os.Getenv("MAILLAB_USER_1"), os.Getenv("MAILLAB_USER_2"), os.Getenv("MAILLAB_PASSWORD_2")
	body := "Subject: from a Go test\r\n\r\nHello.\r\n"
	if err := smtp.SendMail(os.Getenv("MAILLAB_SMTP"), nil, from, []string{to}, []byte(body)); err != nil {
		t.Fatal(err)
	}
	conn, err := textproto.Dial("tcp", os.Getenv("MAILLAB_POP3"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, line := range []string{"", "USER " + to, "PASS " + password, "RETR 1"} {
		if line != "" {
			if err := conn.PrintfLine("%s", line); err != nil {
				t.Fatal(err)
			}
		}
		if answer, err := conn.ReadLine(); err != nil || !strings.HasPrefix(answer, "+OK") {
			t.Fatalf("%q: %q, %v", line, answer, err)
		}
	}
	message, err := io.ReadAll(conn.DotReader())
	if err != nil || !strings.Contains(string(message), "Subject: from a Go test") || !strings.Contains(string(message), "Received: from") {
		t.Errorf("%v\n%s", err, message)
	}
}
