//go:build linux

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCaen is the second lab sheet, by hand: one server for the class, accounts from the roster's student numbers.
func TestCaen(t *testing.T) {
	t.Parallel()
	c := newClass(t, "caen")
	roster := filepath.Join(t.TempDir(), "classe.csv")
	text := "\ufeffNom;name;number\nMartin;alice;21001\nDurand;bruno;21002\n" // as a registrar exports it
	if err := os.WriteFile(roster, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c.run("up", "-f", "caen-pop3-smtp", "--class", roster)
	s := c.status()
	if len(s.Sandboxes) != 1 || s.Sandboxes[0].Seat != 0 || len(s.Sandboxes[0].Students) != 2 || s.Topology != "shared" {
		t.Fatalf("one sandbox should be shared by two students: %+v", s)
	}
	at := s.Sandboxes[0].Addresses
	t.Run("Outside", func(t *testing.T) { telnet(t, at["smtp"]).play("testdata/caen-smtp.txt", normal) })
	t.Run("WrongHeaders", func(t *testing.T) { telnet(t, at["smtp"]).play("testdata/caen-forged.txt", normal) })
	t.Run("POP3", func(t *testing.T) {
		for _, user := range []string{"21001", "21001@tpmail.info.unicaen.fr"} {
			got := lines(t, at["pop3"], "USER "+user, "PASS 21001", "STAT", "RETR 2", "QUIT")
			for _, want := range []string{"+OK 2 ", "\r\nReturn-Path: <21002@tpmail.info.unicaen.fr>\r\n", "\r\nFrom: pere.noel@pole.nord\r\n", "\r\nSubject: faux\r\n", "+OK Logging out"} {
				if !strings.Contains(got, want) {
					t.Errorf("as %s, %q is not in\n%s", user, want, got)
				}
			}
		}
	})
	t.Run("OneStudentCannotReadAnother", func(t *testing.T) {
		alice := login(t, at["ssh"], "21001", "21001")
		if out := output(t, alice, "cat /var/mail/21002; ls /home/21002", ""); strings.Count(out, "Permission denied") != 2 {
			t.Errorf("alice reads bruno's:\n%s", out)
		}
	})
	t.Run("ScriptsOfTheSheet", func(t *testing.T) {
		bruno := login(t, at["ssh"], "21002", "21002")
		count := `printf 'USER 21001\r\nPASS 21001\r\nSTAT\r\nQUIT\r\n' | nc -w 5 localhost 110 | sed -n 's/^+OK \([0-9]*\) [0-9]*\r$/\1/p'`
		if out := strings.TrimSpace(output(t, bruno, count, "")); out != "2" {
			t.Errorf("the script that counts mail says %q", out)
		}
	})
	t.Run("List", func(t *testing.T) { listServer(t, at) })
}

// listServer is question 14: a script that receives mail for a list by SMTP and sends it to all members.
func listServer(t *testing.T, at map[string]string) {
	script, err := os.ReadFile("testdata/liste.sh")
	if err != nil {
		t.Fatal(err)
	}
	alice := login(t, at["ssh"], "21001", "21001")
	output(t, alice, "cat > liste.sh; printf '21001\\n21002\\n' > membres", string(script))
	server := onTerminal(t, alice, "sh liste.sh 2501 membres")
	if got := server.skip(); got != "listening on 2501" {
		t.Fatalf("the list server says %q", got)
	}
	telnet(t, at["smtp"]).play("testdata/caen-list.txt", normal)
	for {
		text := server.skip()
		if strings.HasPrefix(text, "sent to 2") {
			break
		}
	}
	for _, number := range []string{"21001", "21002"} {
		got := output(t, login(t, at["ssh"], number, number), "cat /var/mail/"+number, "")
		if !strings.Contains(got, "Subject: pour la liste") {
			t.Errorf("%s did not get the list's mail:\n%s", number, got)
		}
	}
}
