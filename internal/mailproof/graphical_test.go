//go:build linux

package mailproof

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// screen starts an X server that shows nothing, and returns its name.
func screen(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("Xvfb"); err != nil {
		t.Skip("Xvfb is not installed")
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	x := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", "1024x768x24", "-nolisten", "tcp")
	x.ExtraFiles = []*os.File{w}
	if err := x.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	t.Cleanup(func() {
		_ = x.Process.Kill()
		_ = x.Wait()
	})
	number, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatalf("Xvfb does not start: %v", err)
	}
	return ":" + strings.TrimSpace(number)
}

// queued is a message as Claws Mail keeps it until it is sent.
const queued = `AF:
NF:0
PS:10
SRH:1
SFN:
DSR:
MID:
CFG:
PT:0
S:util1@local.isri.fr
RQ:
SSV:127.0.0.1
SSH:
R:<util2@local.isri.fr>
MAID:1
X-Claws-End-Special-Headers: 1

From: Util One <util1@local.isri.fr>
To: util2@local.isri.fr
Subject: queued
X-Mailer: Claws Mail

end of letter.4
`

// TestClawsMail: a graphical client fetches mail by POP3, leaves it on the server and fetches what is new, and sends.
// IMAP it sets up in dialogs only: docs/clients.md tells how that is done by hand.
func TestClawsMail(t *testing.T) {
	h := newHome(t, "claws-mail")
	t.Setenv("DISPLAY", screen(t))
	h.write(".claws-mail/clawsrc", "[Common]\n")
	h.write(".claws-mail/passwordstorerc", "[config_version:4]\n\n[account:1]\nrecv %s\n", password)
	h.write(".claws-mail/accountrc", "[Account: 1]\naccount_name=sandbox\nis_default=1\nname=Util One\naddress=util1@local.isri.fr\n"+
		"protocol=0\nreceive_server=127.0.0.1\nsmtp_server=127.0.0.1\nuser_id=util1\nremove_mail=0\nset_smtpport=1\nsmtp_port=%s\n"+
		"set_popport=1\npop_port=%s\n", h.d.port("smtp"), h.d.port("pop3"))
	folders := ""
	for name, kind := range map[string]string{"inbox": "inbox", "sent": "outbox", "draft": "draft", "queue": "queue", "trash": "trash"} {
		if err := os.MkdirAll(filepath.Join(h.dir, "Mail", name), 0o700); err != nil {
			t.Fatal(err)
		}
		folders += `<folderitem path="` + name + `" name="` + name + `" type="` + kind + `" />`
	}
	h.write(".claws-mail/folderlist.xml", `<?xml version="1.0" encoding="UTF-8"?><folderlist config_version="4">`+
		`<folder type="mh" name="Mail" path="Mail">%s</folder></folderlist>`, folders)
	h.write("Mail/queue/1", queued)

	claws := exec.Command("claws-mail", "--receive-all")
	claws.Env = append(os.Environ(), "HOME="+h.dir, "LANG=C.UTF-8")
	if err := claws.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = claws.Process.Kill()
		_ = claws.Wait()
	})
	within(t, "Claws Mail has fetched the mail", func() bool { return h.mails("Mail/inbox") == 3 })
	h.post(3)
	h.run("claws-mail", "--receive-all")
	within(t, "Claws Mail has fetched what is new", func() bool { return h.mails("Mail/inbox") == 4 })
	h.run("claws-mail", "--send")
	within(t, "what Claws Mail sent has arrived", func() bool {
		text, _ := os.ReadFile(h.d.spool("util2"))
		return strings.Contains(string(text), "X-Mailer: Claws Mail\n\nend of letter.4\n")
	})
	h.run("claws-mail", "--quit")
	h.wantMails("Mail/inbox", 4)
	left, err := os.ReadFile(h.d.spool("util1"))
	if n := strings.Count(string(left), "\nend of letter."); n != 4 {
		t.Errorf("%d messages are left on the server, want 4: %v", n, err)
	}
}
