//go:build linux

package sandbox_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestImage looks at what docs/decisions/0003 promises of the image.
func TestImage(t *testing.T) {
	needEngine(t)
	tag, err := image()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ what, command, want string }{
		{"directories that everybody may write, outside of a tmpfs", `find / -xdev -type d -perm -0002 ! -path /tmp ! -path /var/tmp ! -path '/run/*'`, ""},
		{"files that everybody may write", `find / -xdev -type f -perm -0002`, ""},
		{"programs that become somebody else", `find / -xdev -type f -perm /6000 | sort`, "/usr/bin/passwd\n/usr/bin/su"},
		{"host keys", `find / -xdev -name 'ssh_host_*'`, ""},
		{"apt's lists", `find /var/lib/apt/lists -type f`, ""},
		{"mail servers", `dpkg-query -W -f '${Package}\n' | grep -E '^(exim4|postfix|sendmail|dovecot)' || true`, ""},
		{"programs that are missing", `for p in sshd mail telnet nc socat curl openssl python3 ps less nano vi vim file sendmail mailq newaliases; do command -v $p >/dev/null || echo $p; done`, ""},
		{"the spool's other name", `readlink -f /var/spool/mail`, "/var/mail"},
		{"sendmail", `readlink -f /usr/sbin/sendmail /usr/bin/mailq /usr/bin/newaliases | sort -u`, "/usr/lib/maillab/maild"},
		{"maild's groups", `id -nG maild`, "maild shadow"},
		{"the language", `locale 2>&1 | grep -E '^LANG=|Cannot'`, "LANG=C.UTF-8"},
	} {
		t.Run(tt.what, func(t *testing.T) {
			out, err := docker("run", "--rm", "--name", fmt.Sprint(prefix, os.Getpid(), "-look"), "--network", "none", tag, "sh", "-c", tt.command)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, out); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.command, diff)
			}
		})
	}
}
