package cli

import (
	"fmt"
	"net"
	"strings"

	"maillab/internal/instance"
	"maillab/internal/lab"
)

// whatNext tells what to type.
func (a *app) whatNext(u *upping) {
	if !a.flags.quiet {
		a.whereTo(u)
		which := ""
		if !u.alone {
			which = " -n " + u.name
		}
		fmt.Fprintf(a.Err, "\nmaillab status%s   shows the class; maillab down%s   takes it away\n", which, which)
	}
}

// whereTo tells where to connect, with the first student's sandbox as the example.
func (a *app) whereTo(u *upping) {
	specs := u.desired.Doors.Sandboxes
	if len(specs) == 0 {
		return
	}
	first := specs[0]
	sandbox := instance.Sandbox{Seat: first.Seat, Target: first}
	addresses := sandbox.Addresses(u.host)
	student := u.class.Students[0].Key
	for _, s := range u.class.Students {
		if u.seats[s.Key] == first.Seat {
			student = s.Key
		}
	}
	account, _ := lab.Login(u.desired.Specs[first.Seat], student)
	var lines []string
	for _, service := range []string{"smtp", "pop3", "imap"} {
		if host, port, err := net.SplitHostPort(addresses[service]); err == nil {
			lines = append(lines, fmt.Sprintf("  telnet %s %s      # %s", host, port, strings.ToUpper(service)))
		}
	}
	if host, port, err := net.SplitHostPort(addresses["ssh"]); err == nil && u.engine.Capabilities().System {
		lines = append(lines, fmt.Sprintf("  ssh -p %s %s@%s      # password %s", port, account.Name, host, account.Password))
	}
	fmt.Fprintf(a.Err, "\n%s (%s), account %s, password %s:\n%s\n",
		student, u.name, account.Name, account.Password, strings.Join(lines, "\n"))
}
