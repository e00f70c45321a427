package lab

import (
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	long := strings.Repeat("a", 64)
	for what, c := range map[string]struct {
		is  func(string) bool
		yes []string
		no  []string
	}{
		"account": {isAccount, []string{"util1", "20901201", "a", "a.b-c_d", "_x", long[:32]}, []string{"", "Util", "a b", "-a", ".a", "é", "a/b", long[:33]}},
		"system":  {isReserved, []string{"root", "mail", "sshd", "maild", "_chrony", "systemd-network"}, []string{"util1", "tech", "rooty"}},
		"domain": {isDomain, []string{"local.isri.fr", "localhost", "a-b.c", "U-Picardie.fr", "3com.com", long[:63] + ".fr"},
			[]string{"", "a..b", ".a", "a.", "-a.fr", "a-.fr", "a_b.fr", "a b", "192.0.2.1", "12", "é.fr", long + ".fr", strings.Repeat("a.", 127)}},
		"local part": {isLocalPart, []string{"pascal.vaniet", "a+b", "O'Neil", "50%"}, []string{"", ".a", "a.", "a..b", "a b", "a@b", "é", long + "a"}},
		"port":       {isPort, []string{"1", "25", "65535"}, []string{"", "0", "65536", "-1", "smtp", " 25"}},
		"relay":      {isRelay, []string{"smtp.fr", "smtp.fr:587", "192.0.2.1", "192.0.2.1:25"}, []string{"", "a b", "smtp.fr:", "smtp.fr:0", ":25", "300.1.1.1"}},
		"line":       {isLine, []string{"", "ESMTP Postfix (Debian/GNU)"}, []string{"a\r\nb", "é", strings.Repeat("a", 201)}},
	} {
		for _, text := range c.yes {
			if !c.is(text) {
				t.Errorf("%q is no %s", text, what)
			}
		}
		for _, text := range c.no {
			if c.is(text) {
				t.Errorf("%q is a %s", text, what)
			}
		}
	}
}

func TestSplitLoopback(t *testing.T) {
	for via, want := range map[string]string{
		"127.0.0.1:2525": "2525", "localhost:2525": "2525", "127.1.2.3:1": "1",
		"192.0.2.1:2525": "", "[::1]:25": "", "127.0.0.1": "", "127.0.0.1:": "", ":2525": "", "127.0.0.1:99999": "", "": "",
	} {
		if port, ok := splitLoopback(via); ok != (want != "") || ok && port != want {
			t.Errorf("%q: %q, %v", via, port, ok)
		}
	}
}

func TestSplitAddress(t *testing.T) {
	for address, want := range map[string]bool{"liste@local.isri.fr": true, "a@b": true, "liste": false, "@b": false, "a@": false, "a@b@c": false, "a b@c": false} {
		if _, _, ok := splitAddress(address); ok != want {
			t.Errorf("%q: %v", address, ok)
		}
	}
}
