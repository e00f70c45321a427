package labs_test

import (
	"strings"
	"testing"
)

// TestHostileStudent: on a server that others share, a student finds neither rules nor evidence, sees nobody else's
// work, and a script that does everything that scripts must not is contained when it is checked.
func TestHostileStudent(t *testing.T) {
	c := newLesson(t, "hostile", "caen-pop3-smtp")
	for _, forbidden := range []string{
		"ls /var/lib/maillab/maild", "ls /var/lib/maillab/maild/dialogues", "ls /var/lib/maillab/maild/deliveries", "cat /var/lib/maillab/maild/results.json",
		"cat /var/lib/maillab/labinit/spec.json", "echo x >> /var/lib/maillab/maild/marks.json", "echo x >> /var/log/mail.log", "echo x >> /var/lib/maillab/log/mail.log",
		"rm /var/log/mail.log", "cat /var/mail/20901202", "ls /home/20901202", "nc -w 2 127.0.0.1 10080 </dev/null", "rm /run/maild/maild.sock",
		"grep -qsa 'q14-serveu[r]' /proc/[0-9]*/environ /proc/[0-9]*/cmdline /proc/[0-9]*/maps", "cat /proc/1/mem", "ls /proc/1/root/var/lib/maillab/maild",
		"find / -xdev -name solve.sh -o -xdev -name lab.yaml 2>/dev/null | grep .", "grep -rqsa 'by_han[d]' /usr/bin /usr/sbin /usr/local /opt /etc /home /run /tmp",
	} {
		if code, out, _ := c.run(t.Context(), nil, "exec", "alice", "--", forbidden); code == 0 {
			t.Errorf("%s succeeds: %s", forbidden, out)
		}
	}
	_, sheet, _ := c.run(t.Context(), nil, "exec", "alice", "--", "lab; for t in $(lab | cut -d' ' -f2); do lab show $t; lab hint $t; lab check $t; done")
	for _, rule := range []string{"(?i)", "not_output", "{messages}", "[^0-9]"} {
		if strings.Contains(sheet, rule) {
			t.Errorf("the lab command shows a rule, %s:\n%s", rule, sheet)
		}
	}
	c.must(nil, "mark", "alice", "q4-pop3", "passed") // so that the script is run
	for name, hostile := range map[string]struct{ script, want string }{
		"looks around": {`#!/bin/bash
n=$(cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' '\n' | grep -ac -e 'TOKE[N]' -e 'q9-compt[e]')
m=$(find / -xdev -readable \( -name 'results.json' -o -name '*.jsonl' -o -name 'spec.json' \) 2>/dev/null | wc -l)
echo "found $n and $m"`, "found 0 and 0"},
		"forks and hides": {`#!/bin/bash
for i in 1 2 3 4; do setsid -f env -i sleep 9175 </dev/null >/dev/null 2>&1; done
trap '' TERM HUP
f() { f | f & }; (f) & # of the shell itself nothing may fail: where there is no room for a child, bash gives up
while :; do :; done`, "it did not end within 20 s"},
		"floods":  {"#!/bin/sh\nyes flood | head -c 100000000\necho; echo over", " over”"},
		"becomes": {"#!/bin/sh\nsu -c id root </dev/null; passwd -d root; grep NoNewPrivs /proc/self/status", "NoNewPrivs: 1"},
	} {
		c.must(strings.NewReader(hostile.script), "exec", "alice", "--", "cat > compte.sh; chmod +x compte.sh")
		_, out, errs := c.run(t.Context(), nil, "check", "alice", "--task", "q9-compte", "-o", "json")
		if !strings.Contains(out, `"state": "failed"`) || !strings.Contains(out, hostile.want) {
			t.Errorf("a script that %s: %s\n%s%s", name, hostile.want, out, errs)
		}
		if code, out, _ := c.run(t.Context(), nil, "exec", "alice", "--", "pgrep -u $USER -f -a 'sleep 917[5]|compte.s[h]'"); code == 0 {
			t.Errorf("of a script that %s there is left:\n%s", name, out)
		}
	}
	if _, out, _ := c.run(t.Context(), nil, "exec", "alice", "--", "lab check q1-logiciel; echo still here"); !strings.Contains(out, "still here") {
		t.Errorf("the account is of no use any more: %s", out)
	}
}
