//go:build linux

package sandbox

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"maillab/internal/spec"
)

// system writes the files of the system that follow from a spec. root is "" but in tests.
type system struct {
	root      string
	shadowGID int
	address   netip.Addr // the sandbox's own, what its names lead to
	hostname  string     // the container's
}

func (s system) path(p string) string { return filepath.Join(s.root, p) }

// names of the image's own accounts.
func (s system) names() (map[string]bool, error) {
	text, err := os.ReadFile(s.path("/etc/passwd"))
	if err != nil {
		return nil, err
	}
	return parseTable(text).system().names(), nil
}

// accounts writes passwd, group and shadow, in one go. Programs that read them see an account in passwd only when it is
// in the others.
func (s system) accounts(accounts []account, changed changedPasswords, now time.Time) error {
	unlock, err := s.lockPasswords()
	if err != nil {
		return err
	}
	defer unlock()
	passwd, err1 := os.ReadFile(s.path("/etc/passwd"))
	group, err2 := os.ReadFile(s.path("/etc/group"))
	shadow, err3 := os.ReadFile(s.path("/etc/shadow"))
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	newShadow := shadowTable(parseTable(shadow), parseTable(passwd).system().names(), accounts, changed, days(now))
	return errors.Join(
		replaceIfDifferent(s.path("/etc/shadow"), newShadow.text(), 0o640, s.shadowGID),
		replaceIfDifferent(s.path("/etc/group"), groupTable(parseTable(group), accounts).text(), 0o644, -1),
		replaceIfDifferent(s.path("/etc/passwd"), passwdTable(parseTable(passwd), accounts).text(), 0o644, -1),
	)
}

// days counts them since 1970, as shadow(5) does.
func days(t time.Time) int { return int(t.Unix() / (24 * 60 * 60)) }

// lockPasswords takes the lock that passwd(1) takes, too (lckpwdf(3)): a POSIX lock on /etc/.pwd.lock.
func (s system) lockPasswords() (unlock func(), err error) {
	f, err := os.OpenFile(s.path("/etc/.pwd.lock"), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	for range 15 { // seconds, as lckpwdf does
		if err = unix.FcntlFlock(f.Fd(), unix.F_SETLK, &lock); err == nil {
			return func() { _ = f.Close() }, nil
		}
		time.Sleep(time.Second)
	}
	_ = f.Close()
	return nil, fmt.Errorf("%s is locked: %w", f.Name(), err)
}

// names and time zone, limits, messages of the day.
func (s system) settings(sb *spec.Sandbox) error {
	return errors.Join(
		overwrite(s.path("/etc/hosts"), hostsFile(sb, s.address, s.hostname)),
		overwrite(s.path("/etc/resolv.conf"), resolverFile(sb)),
		s.nameSwitch(sb),
		renew(s.path("/etc/mailname"), []byte(sb.Domain+"\n")),
		renew(s.path("/etc/security/limits.d/maillab.conf"), limitsFile(sb.Limits)),
		s.timezone(sb.Timezone),
		s.motd(sb),
	)
}

// resolverFile is /etc/resolv.conf.
func resolverFile(sb *spec.Sandbox) []byte {
	if hasNames(sb) {
		return []byte("# The server's own name server, in maild.\nnameserver 127.0.0.1\n")
	}
	return []byte("# There is nobody to ask: names come from /etc/hosts.\n")
}

// nameSwitch says in nsswitch.conf(5) whether a name server is asked: where there is none, an unknown name fails at once.
func (s system) nameSwitch(sb *spec.Sandbox) error {
	file := s.path("/etc/nsswitch.conf")
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	line := "hosts:          files"
	if hasNames(sb) {
		line += " dns"
	}
	return renew(file, hostsLine.ReplaceAll(text, []byte(line)))
}

// hostsLine is the one that says where names of hosts come from.
var hostsLine = regexp.MustCompile(`(?m)^hosts:.*$`)

// hostsFile is /etc/hosts. localhost has no IPv6 address: "telnet localhost 25" should say "Trying 127.0.0.1...".
func hostsFile(sb *spec.Sandbox, address netip.Addr, hostname string) []byte {
	names := []string{sb.Hostname}
	short, _, _ := strings.Cut(sb.Hostname, ".")
	for _, name := range append([]string{short, hostname}, sb.Hosts...) {
		if name != "" && name != "localhost" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	local := "localhost"
	if hasNames(sb) { // sshd calls a client so that the gateway brings, and PAM's audit asks for its address at each login: not a slow name server
		local += " UNKNOWN"
	}
	return fmt.Appendf(nil, "127.0.0.1\t%s\n::1\tip6-localhost ip6-loopback\n%s\t%s\n", local, address, strings.Join(names, " "))
}

// limitsFile is what pam_limits sets for every session but root's. A limit of 0 is none. Students share the sandbox's
// processor time with the mail daemon and the supervisor, which must see in time what a hundred of their processes do: they
// come after those, and among themselves are equal.
func limitsFile(l spec.Limits) []byte {
	out := []byte("# What one account may use up.\n*\t-\tcore\t0\n*\t-\tnofile\t1024\n*\t-\tpriority\t19\n")
	if l.Processes > 0 {
		out = fmt.Appendf(out, "*\t-\tnproc\t%d\n", l.Processes)
	}
	if l.SpoolBytes > 0 {
		out = fmt.Appendf(out, "*\t-\tfsize\t%d\n", (l.SpoolBytes+1023)/1024) // kB, of one file
	}
	return out
}

func (s system) timezone(zone string) error {
	file := filepath.Join("/usr/share/zoneinfo", zone)
	if _, err := os.Stat(s.path(file)); err != nil {
		return fmt.Errorf("time zone %q: %w", zone, err)
	}
	link := s.path("/etc/localtime")
	if old, err := os.Readlink(link); err == nil && old == file {
		return nil
	}
	_ = os.Remove(link + ".new")
	if err := os.Symlink(file, link+".new"); err != nil {
		return err
	}
	if err := os.Rename(link+".new", link); err != nil {
		return err
	}
	return renew(s.path("/etc/timezone"), []byte(zone+"\n"))
}

// motd writes what each account sees at login (/etc/profile.d/maillab.sh prints it), in its own language.
func (s system) motd(sb *spec.Sandbox) error {
	dir := s.path("/run/maillab/motd") // in memory: there is one for each account
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	wanted := map[string]bool{}
	for _, a := range sb.Accounts {
		text := a.Motd
		if text == "" {
			text = sb.Motd
		}
		if text == "" {
			continue
		}
		wanted[a.Name] = true
		if err := renew(filepath.Join(dir, a.Name), []byte(strings.TrimRight(text, "\n")+"\n")); err != nil {
			return err
		}
	}
	return prune(dir, wanted)
}

// prune removes the files of a directory that are not wanted.
func prune(dir string, wanted map[string]bool) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !wanted[e.Name()] {
			err = errors.Join(err, os.Remove(filepath.Join(dir, e.Name())))
		}
	}
	return err
}
