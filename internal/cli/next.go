package cli

import (
	"fmt"
	"net"
	"strings"

	"maillab/internal/deploy"
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
	first, ok := o.First()
	if !ok {
		return
	}
	var lines []string
	for _, service := range []string{"smtp", "pop3", "imap"} {
		if host, port, err := net.SplitHostPort(first.Addresses[service]); err == nil {
			lines = append(lines, fmt.Sprintf("  telnet %s %s      # %s", host, port, strings.ToUpper(service)))
		}
	}
	if host, port, err := net.SplitHostPort(first.Addresses["ssh"]); err == nil && o.Engine.Capabilities().System {
		lines = append(lines, a.Sprintf("  ssh -p %s %s@%s      # password %s", port, first.Account, host, first.Password))
	}
	a.Fprintf(a.Err, "\n%s (%s), account %s, password %s:\n%s\n",
		first.Student, o.Name, first.Account, first.Password, strings.Join(lines, "\n"))
	if page := o.Desired.WebAddress(o.Host); page != "" {
		a.Fprintf(a.Err, "  %s      # in a browser, as %s\n", page, first.Student)
	}
}
