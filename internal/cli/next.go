package cli

import (
	"fmt"
	"net"
	"strings"

	"maillab/internal/deploy"
	"maillab/internal/instance"
	"maillab/internal/lab"
)

// whatNext tells what to type.
func whatNext(a *app, o deploy.Outcome) {
	if !a.flags.quiet {
		whereTo(a, o)
		which := ""
		if !o.Alone {
			which = " -n " + o.Name
		}
		a.Fprintf(a.Err, "\nmaillab status%s   shows the class; maillab down%s   takes it away\n", which, which)
	}
}

// whereTo tells where to connect, with the first student's sandbox as the example.
func whereTo(a *app, o deploy.Outcome) {
	specs := o.Desired.Doors.Sandboxes
	if len(specs) == 0 {
		return
	}
	first := specs[0]
	sandbox := instance.Sandbox{Seat: first.Seat, Target: first}
	addresses := sandbox.Addresses(o.Host)
	student := o.Class.Students[0].Key
	for _, s := range o.Class.Students {
		if o.Seats[s.Key] == first.Seat {
			student = s.Key
		}
	}
	account, _ := lab.Login(o.Desired.Specs[first.Seat], student)
	var lines []string
	for _, service := range []string{"smtp", "pop3", "imap"} {
		if host, port, err := net.SplitHostPort(addresses[service]); err == nil {
			lines = append(lines, fmt.Sprintf("  telnet %s %s      # %s", host, port, strings.ToUpper(service)))
		}
	}
	if host, port, err := net.SplitHostPort(addresses["ssh"]); err == nil && o.Engine.Capabilities().System {
		lines = append(lines, a.Sprintf("  ssh -p %s %s@%s      # password %s", port, account.Name, host, account.Password))
	}
	a.Fprintf(a.Err, "\n%s (%s), account %s, password %s:\n%s\n",
		student, o.Name, account.Name, account.Password, strings.Join(lines, "\n"))
	if page := o.Desired.WebAddress(o.Host); page != "" {
		a.Fprintf(a.Err, "  %s      # in a browser, as %s\n", page, student)
	}
}
