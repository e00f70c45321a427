package labs_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"

	"maillab/labs"
)

// newLesson brings a lab up.
func newLesson(t *testing.T, name, lab string) lesson {
	t.Helper()
	needDocker(t)
	c := lesson{t: t, name: fmt.Sprintf("t-labs-%d-%s", os.Getpid(), name), data: t.TempDir()}
	t.Cleanup(func() { c.run(context.WithoutCancel(t.Context()), nil, "down", "-y") })
	c.must(nil, "up", "-f", lab)
	return c
}

// as runs a script as a student, and returns what it wrote.
func (c lesson) as(student, script string) string {
	c.t.Helper()
	_, out, errs := c.run(c.t.Context(), strings.NewReader(script), "exec", "--timeout", "10m", student, "--", "bash", "-s")
	return out + errs
}

// byHand is the function of a lab's solution that types a dialogue.
func byHand(t *testing.T, lab string) string {
	t.Helper()
	folder, err := labs.Open(lab)
	if err != nil {
		t.Fatal(err)
	}
	text, err := fs.ReadFile(folder, "solution/solve.sh")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "\nby_hand() (\n")
	body, _, ended := strings.Cut(rest, "\n)\n")
	if !found || !ended {
		t.Fatalf("%s has no by_hand", lab)
	}
	return "by_hand() (\n" + body + "\n)\n"
}

// TestForgedEvidence: what a student can write (the own mailbox, the own home, mail handed to sendmail with any sender, what
// another account sends) is no evidence of what was asked for.
func TestForgedEvidence(t *testing.T) {
	t.Parallel()
	c := newLesson(t, "forged", "caen-pop3-smtp")
	c.as("alice", `printf 'Subject: x\n\nforged\n' | /usr/sbin/sendmail -f president@u-picardie.fr $USER`)
	c.wants("alice", "q6-smtp", "failed", "sent by the mail command, not over port 25")
	c.as("alice", `cat >>/var/mail/$USER <<'END'
From president@u-picardie.fr Thu Mar 26 11:00:00 2026
Received: from pv (localhost [127.0.0.1])
	by tpmail.info.unicaen.fr (Postfix) with SMTP id 3F4A1023703
	for <20901201@tpmail.info.unicaen.fr>; Thu, 26 Mar 2026 11:00:00 +0100 (CET)
From: president@elysee.fr
To: all@example.org
Subject: forged in the mailbox

forged

END
ls -l /var/mail/$USER`)
	c.wants("alice", "q6-smtp", "failed", "sent by the mail command")
	c.as("alice", `printf 'helo x\r\nmail from: me\r\nrcpt to: %s\r\ndata\r\nSubject: y\r\n\r\npasted\r\n.\r\nquit\r\n' $USER | nc -N localhost 25`)
	c.wants("alice", "q6-smtp", "failed", "its dialogue came from a program")
	// What a neighbour does, and logs in as, is the neighbour's.
	c.as("bruno", byHand(t, "caen-pop3-smtp")+`by_hand 110 <<END
user $USER
pass $USER
list
retr 1
quit
END
`)
	c.wants("bruno", "q4-pop3", "passed", "POP3 dialogue of")
	c.wants("alice", "q4-pop3", "failed", "no POP3 dialogue in which 20901201 logged in")
}

// wants holds a task of a student against what is expected.
func (c lesson) wants(student, id, state, seen string) {
	c.t.Helper()
	for _, s := range c.check() {
		if one := s.task(id); s.Student == student && (one.State != state || !strings.Contains(one.Seen, seen)) {
			c.t.Errorf("%s of %s: %s, %s; want %s, %s", id, student, one.State, one.Seen, state, seen)
		}
	}
}

// TestEvidenceOutlivesAFlood: who fills the home, the mailbox, every writable file system and the record of dialogues
// keeps what has passed, and is checked as before; so are the others.
func TestEvidenceOutlivesAFlood(t *testing.T) {
	c := newLesson(t, "flood", "caen-pop3-smtp")
	c.as("alice", byHand(t, "caen-pop3-smtp")+`by_hand 25 <<END
helo pv
mail from: $USER
rcpt to: $USER
data
Subject: to be kept

x
.
quit
END
`)
	c.wants("alice", "q6-smtp", "passed", "message ")
	// Who is over the limit has her programs ended, once, when the watch looks; the flood that writes no file is begun again then.
	for _, one := range []struct{ name, flood string }{
		{"mail", `head -c 1000000 /dev/zero | tr '\0' x | fold >/tmp/big.$USER; for i in $(seq 40); do /usr/sbin/sendmail $USER </tmp/big.$USER; done; for dir in ~ /tmp; do dd if=/dev/zero of=$dir/more.$USER bs=1M count=200 2>/dev/null; done; echo THROUGH`},
		{"places", `for dir in ~ /tmp /var/tmp /dev/shm /run /var/mail; do dd if=/dev/zero of=$dir/flood.$USER bs=1M count=200 2>/dev/null; done; echo THROUGH`},
		{"dialogues", `python3 - <<END
import socket, threading
def talk():
    for i in range(90):
        c = socket.create_connection(("localhost", 25))
        c.sendall(b"helo x\r\n" + b"noop %0400d\r\n" % 0 * 60 + b"quit\r\n")
        while c.recv(65536): pass
all = [threading.Thread(target=talk) for i in range(8)]
for one in all: one.start()
for one in all: one.join()
print("THROUGH")
END`},
	} {
		for out := ""; !strings.Contains(out, "THROUGH"); {
			out = c.as("alice", one.flood)
		}
		c.wants("alice", "q6-smtp", "passed", "message ")
		c.wants("alice", "q7-faux-champs", "failed", "message ")
		c.wants("bruno", "q6-smtp", "failed", "no message has arrived")
		t.Log("flooded with", one.name)
	}
	if out := c.as("alice", "lab check q6-smtp"); !strings.Contains(out, "q6-smtp") || !strings.Contains(out, "réussi") {
		t.Errorf("the student's own check: %s", out)
	}
	_, out, errs := c.run(t.Context(), nil, "dialogues", "alice")
	// Whether one of them was being written when its room was needed is chance: what is not whole says so, see package maild.
	if left := strings.Count(out, "\nSMTP "); left < 100 {
		t.Errorf("%d dialogues are left; %s", left, errs)
	}
	c.as("alice", `rm -f ~/flood* ~/more* /tmp/*.$USER`)
	c.as("bruno", byHand(t, "caen-pop3-smtp")+`by_hand 25 <<END
helo pv
mail from: $USER
rcpt to: $USER
data
Subject: afterwards

x
.
quit
END
`)
	c.wants("bruno", "q6-smtp", "passed", "message ")
}

// TestCopiedCode: whose code an answer carries is told to the teacher, of sandboxes that know nothing of each other; the
// student learns only that it is not the right one.
func TestCopiedCode(t *testing.T) {
	t.Parallel()
	c := newLesson(t, "copied", "hello")
	code := strings.TrimSpace(c.as("alice", `grep -oE '[a-z2-9]{5}-[a-z2-9]{5}' /var/mail/$USER | head -n 1`))
	if len(code) != 11 {
		t.Fatalf("alice's code: %q", code)
	}
	told := c.as("bruno", byHand(t, "hello")+`by_hand 110 <<END
user $USER
pass hello
retr 1
quit
END
lab answer read it is `+code+"\n")
	if !strings.Contains(strings.Join(strings.Fields(told), " "), "ne contient pas votre code") || strings.Contains(told, "alice") {
		t.Errorf("bruno is told: %s", told)
	}
	for _, s := range c.check() {
		if one := s.task("read"); s.Student == "bruno" && (one.State != "failed" || one.CopiedFrom != "alice") {
			t.Errorf("the teacher is told: %+v", one)
		}
	}
	if _, _, errs := c.run(t.Context(), nil, "check"); !strings.Contains(errs, "bruno, read: the answer carries the token of alice") {
		t.Errorf("the teacher is told: %s", errs)
	}
}

// TestHintPasses: the script that the lab's own hint gives away, with pauses of whole seconds, is a program; and who shows the
// login has not shown the password, though they are the same number.
func TestHintPasses(t *testing.T) {
	t.Parallel()
	c := newLesson(t, "hint", "caen-pop3-smtp")
	c.must(nil, "mark", "alice", "q4-pop3", "passed")
	c.must(strings.NewReader(`#!/bin/bash
read login
stty -echo 2>/dev/null
read password
stty echo 2>/dev/null
echo "Bonjour $login, $USER"
(sleep 1; echo USER $login; sleep 1; echo PASS $password; sleep 1; echo STAT; sleep 1; echo QUIT) | nc localhost 110
`), "exec", "alice", "--", "cat > compte.sh; chmod +x compte.sh")
	c.wants("alice", "q9-compte", "passed", "started by the check")
	c.wants("alice", "q10-stty", "passed", "compte.sh")
	c.must(nil, "exec", "alice", "--", "sed -i 's/^stty -echo/: stty -echo/' compte.sh")
	c.must(nil, "reset", "-y", "alice")
	c.must(nil, "mark", "alice", "q9-compte", "passed")
	c.wants("alice", "q10-stty", "failed", "which it must not")
}
