package sandbox

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/spec"
)

const oldPasswd = "root:x:0:0:root:/root:/bin/bash\nmaild:x:825:825::/:/usr/sbin/nologin\nnobody:x:65534:65534::/:/usr/sbin/nologin\ngone:x:140001:140001::/home/gone:/bin/bash\n"

func two() []account {
	return accountsOf(&spec.Sandbox{Accounts: []spec.Account{
		{Name: "util1", FullName: "Utilisateur 1", PasswordHash: "$y$1"},
		{Name: "20301234", PasswordHash: "$y$2"},
	}}, 150000, numbers{"util1": 1, "20301234": 2})
}

func TestTables(t *testing.T) {
	old := parseTable([]byte(oldPasswd))
	passwd := "root:x:0:0:root:/root:/bin/bash\nmaild:x:825:825::/:/usr/sbin/nologin\nnobody:x:65534:65534::/:/usr/sbin/nologin\n" +
		"util1:x:150001:150001:Utilisateur 1:/home/util1:/bin/bash\n20301234:x:150002:150002::/home/20301234:/bin/bash\n"
	if diff := cmp.Diff(passwd, string(passwdTable(old, two()).text())); diff != "" {
		t.Errorf("passwd (-want +got):\n%s", diff)
	}
	again := passwdTable(parseTable([]byte(passwd)), two())
	if diff := cmp.Diff(passwd, string(again.text())); diff != "" {
		t.Errorf("passwd, written again (-want +got):\n%s", diff)
	}
	group := "root:x:0:\nmail:x:8:\nutil1:x:150001:\n20301234:x:150002:\n"
	if diff := cmp.Diff(group, string(groupTable(parseTable([]byte("root:x:0:\nmail:x:8:\ngone:x:140001:\n")), two()).text())); diff != "" {
		t.Errorf("group (-want +got):\n%s", diff)
	}
}

func TestShadow(t *testing.T) {
	old := parseTable([]byte("root:*:19000:0:99999:7:::\nutil1:$y$own:20000:0:99999:7:::\ngone:$y$x:1:0:99999:7:::\n"))
	system := map[string]bool{"root": true}
	for _, tt := range []struct {
		name    string
		changed changedPasswords
		today   int
		util1   string
	}{
		{"as the spec says", nil, 20500, "util1:$y$1:20500:0:99999:7:::"},
		{"changed since", changedPasswords{"util1": {"$y$1", "util1:$y$own:20000:0:99999:7:::"}}, 20500, "util1:$y$own:20000:0:99999:7:::"},
		{"changed, then overruled", changedPasswords{"util1": {"$y$0", "util1:$y$own:20000:0:99999:7:::"}}, 20500, "util1:$y$1:20500:0:99999:7:::"},
		{"a clock that was never set", nil, 0, "util1:$y$1:1:0:99999:7:::"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := shadowTable(old, system, two(), tt.changed, tt.today)
			if diff := cmp.Diff("root:*:19000:0:99999:7:::", got[0]); diff != "" || len(got) != 3 {
				t.Errorf("%d lines, root's (-want +got):\n%s", len(got), diff)
			}
			if diff := cmp.Diff(tt.util1, got.find("util1")); diff != "" {
				t.Errorf("util1 (-want +got):\n%s", diff)
			}
		})
	}
}

func TestChangedPasswordsAreSeenAndKept(t *testing.T) {
	shadow := parseTable([]byte("root:*:1:0:::::\nutil1:$y$own:20000:0:99999:7:::\n20301234:$y$2:20000:0:99999:7:::\n"))
	changed := observe(shadow, two())
	want := changedPasswords{"util1": {given: "$y$1", line: "util1:$y$own:20000:0:99999:7:::"}}
	if diff := cmp.Diff(want, changed, cmp.AllowUnexported(changedPassword{})); diff != "" {
		t.Errorf("seen (-want +got):\n%s", diff)
	}
	text := changed.text(two())
	if diff := cmp.Diff("$y$1 util1:$y$own:20000:0:99999:7:::\n", string(text)); diff != "" {
		t.Errorf("written (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, parseChanged(text), cmp.AllowUnexported(changedPassword{})); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
}

// FuzzTables: whatever a table holds, our accounts are in it once, and no system line is lost or made.
func FuzzTables(f *testing.F) {
	f.Add(oldPasswd)
	f.Add("root:x:0:0\n\n:::\nutil1:x:5:5\n")
	f.Fuzz(func(t *testing.T, text string) {
		old := parseTable([]byte(text))
		passwd := passwdTable(old, two())
		if len(passwd) != len(old.system())+2 {
			t.Fatalf("%d lines of %d", len(passwd), len(old.system()))
		}
		if again := passwdTable(parseTable(passwd.text()), two()); !cmp.Equal(again, passwd) {
			t.Fatalf("written again it differs: %q, %q", passwd, again)
		}
		for _, changed := range parseChanged([]byte(text)) {
			if strings.ContainsAny(changed.line, "\n") {
				t.Fatalf("a line of several: %q", changed.line)
			}
		}
	})
}
