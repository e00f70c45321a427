//go:build linux

package mailproof

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// The mailbox that is read: so many messages, 100 MB in all.
const (
	letters    = 5400
	letterSize = 18_000
)

// fill puts the same mailbox before both, and lets both have a look at it.
func (a *arena) fill() {
	a.t.Helper()
	var mbox bytes.Buffer
	line := strings.Repeat("lorem ipsum dolor sit amet ", 3)[:76] + "\n"
	for n := range letters {
		fmt.Fprintf(&mbox, "From util2@local.isri.fr  Sat Nov 21 20:25:29 2026\nReturn-Path: <util2@local.isri.fr>\n"+
			"Received: from pv (unknown [172.17.0.1])\n\tby test6isri.local.isri.fr (Postfix) with ESMTP id 4DBF2220E%03d;\n"+
			"\tSat, 21 Nov 2026 20:25:29 +0000 (UTC)\nMessage-Id: <%d@x>\nDate: Sat, 21 Nov 2026 20:25:29 +0000\n"+
			"From: Util Two <util2@local.isri.fr>\nTo: util1@local.isri.fr\nSubject: number %d of a long list\n\n", n%1000, n, n)
		for size := 500; size < letterSize; size += len(line) {
			mbox.WriteString(line)
		}
		mbox.WriteString("\n")
	}
	a.ours.smtpRate(a.t, 1<<10, 1, 1) // makes the file
	for _, r := range []rival{a.peer, a.ours} {
		if err := os.WriteFile(filepath.Join(r.spool, "util1"), mbox.Bytes(), 0o660); err != nil {
			a.t.Fatal(err)
		}
	}
	docker(a.t, "exec", a.container, "sh", "-c", "chown util1:mail /var/mail/util1; rm -rf /home/util1/mail")
	for _, r := range []rival{a.peer, a.ours} {
		c := a.login(r)
		a.say(c, "t FETCH 1:* (FLAGS RFC822.SIZE BODY.PEEK[HEADER])")
		c.Close()
	}
}

// login is a session at IMAP with INBOX selected.
func (a *arena) login(r rival) *typist {
	c, err := dial(r.imap)
	if err != nil {
		a.t.Fatal(err)
	}
	_, _ = c.line()
	a.say(c, "t LOGIN util1 "+password)
	a.say(c, "t SELECT INBOX")
	return c
}

// say wants an OK, and throws away what comes before it.
func (a *arena) say(c *typist, text string) {
	if _, err := fmt.Fprintf(c, "%s\r\n", text); err != nil {
		a.t.Error(err)
		return
	}
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			a.t.Errorf("%s: %v", text, err)
			return
		}
		if bytes.HasPrefix(line, []byte("t ")) {
			if !bytes.HasPrefix(line, []byte("t OK")) {
				a.t.Errorf("%s: %s", text, line)
			}
			return
		}
	}
}

// rate times something that does n things.
func rate(n int, do func()) float64 {
	begin := time.Now()
	do()
	return float64(n) / time.Since(begin).Seconds()
}

// reading measures POP3 and IMAP on the mailbox.
func (a *arena) reading() {
	a.fill()
	a.compare("POP3 login, STAT", "sessions/s", func(r rival) float64 {
		return rate(10, func() {
			for range 10 {
				a.pop3(r, 0)
			}
		})
	})
	a.compare("POP3 login, RETR of 2,000", "messages/s", func(r rival) float64 { return rate(2000, func() { a.pop3(r, 2000) }) })
	a.compare("IMAP login, SELECT", "sessions/s", func(r rival) float64 {
		return rate(20, func() {
			for range 20 {
				a.login(r).Close()
			}
		})
	})
	a.compare("IMAP login, SELECT, 50 sessions at once", "sessions/s", func(r rival) float64 {
		return rate(100, func() { a.together(50, 2, func() { a.login(r).Close() }) })
	})
	for _, one := range []struct {
		what, command string
		tries         int
	}{
		{"IMAP FETCH of all headers", "t FETCH 1:* (FLAGS RFC822.SIZE BODY.PEEK[HEADER])", 2},
		{"IMAP FETCH of all messages", "t FETCH 1:* (BODY.PEEK[])", 2},
		{"IMAP SEARCH SUBJECT, the first ever", "t SEARCH SUBJECT 4321", 1}, // both remember what they read
		{"IMAP SEARCH SUBJECT", "t SEARCH SUBJECT 4321", 2},
		{"IMAP SEARCH of a field that is not remembered", "t SEARCH HEADER Message-Id 4321", 1},
		{"IMAP SEARCH BODY", "t SEARCH BODY zzzz", 2},
	} {
		a.compareBest(one.tries, one.what, "messages/s", func(r rival) float64 {
			c := a.login(r)
			defer c.Close()
			return rate(letters, func() { a.say(c, one.command) })
		})
	}
	a.compare("IMAP FETCH of 1,000 headers, 50 sessions at once", "messages/s", func(r rival) float64 {
		return rate(50*1000, func() {
			a.together(50, 1, func() {
				c := a.login(r)
				defer c.Close()
				a.say(c, "t FETCH 1:1000 (FLAGS RFC822.SIZE BODY.PEEK[HEADER])")
			})
		})
	})
	all, own := a.memory()
	a.t.Logf("afterwards: %.1f MiB, %.1f MiB of its own", all, own)
	a.t.Logf("the peer's container: %s", docker(a.t, "stats", "--no-stream", "--format", "{{.MemUsage}}", a.container))
}

func (a *arena) together(sessions, times int, do func()) {
	var wg sync.WaitGroup
	for range sessions {
		wg.Go(func() {
			for range times {
				do()
			}
		})
	}
	wg.Wait()
}

// pop3 is a session that retrieves the first n messages.
func (a *arena) pop3(r rival, n int) {
	c, err := dial(r.pop3)
	if err != nil {
		a.t.Fatal(err)
	}
	defer c.Close()
	_, err = c.upTo("+OK")
	for _, text := range []string{"USER util1", "PASS " + password, "STAT"} {
		if err == nil {
			_, err = c.say(text, "+OK")
		}
	}
	for i := range n {
		if err == nil {
			err = c.retrieve(i + 1)
		}
	}
	if err == nil {
		_, err = c.say("QUIT", "+OK")
	}
	if err != nil {
		a.t.Error(err)
	}
}

// retrieve reads a message up to its dot and throws it away.
func (c *typist) retrieve(n int) error {
	if _, err := fmt.Fprintf(c, "RETR %d\r\n", n); err != nil {
		return err
	}
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if bytes.HasPrefix(line, []byte("-ERR")) {
			return io.ErrUnexpectedEOF
		}
		if string(line) == ".\r\n" {
			return nil
		}
	}
}
