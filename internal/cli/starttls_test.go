package cli_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"net/textproto"
	"os"
	"os/exec"
	"strings"
	"time"
)

// opening is how a service is asked for TLS, and what it is asked then: a line, and what its answer begins with.
type opening struct{ hello, ask, begin, then, want string }

func openings() map[string]opening {
	return map[string]opening{
		"smtp": {hello: "220", ask: "STARTTLS", begin: "220", then: "NOOP", want: "250"},
		"pop3": {hello: "+OK", ask: "STLS", begin: "+OK", then: "QUIT", want: "+OK"},
		"imap": {hello: "* OK", ask: "a STARTTLS", begin: "a OK", then: "b NOOP", want: "b OK"},
	}
}

// starttls is a client that trusts the CA in a file and nothing else, at every service of an instance, by each name.
func starttls(ca, name string, hosts []string) int {
	fail := func(err error) int {
		fmt.Fprintln(os.Stderr, "starttls:", err)
		return 1
	}
	text, err := os.ReadFile(ca)
	if err != nil {
		return fail(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	for n, addresses := range addressesOf(name) {
		for service, o := range openings() {
			for _, host := range hosts {
				_, port, _ := net.SplitHostPort(addresses[service])
				if err := o.talk("127.0.0.1:"+port, &tls.Config{RootCAs: roots, ServerName: host}); err != nil {
					return fail(fmt.Errorf("seat %d, %s, %s: %w", n+1, service, host, err))
				}
				fmt.Println(n+1, service, host, strings.TrimPrefix(o.begin, "a "))
			}
		}
	}
	return 0
}

func (o opening) talk(address string, config *tls.Config) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return err
	}
	clear := textproto.NewConn(conn)
	if err := expect(clear, "", o.hello); err != nil {
		return err
	}
	if err := expect(clear, o.ask, o.begin); err != nil {
		return err
	}
	secure := tls.Client(conn, config)
	if err := secure.Handshake(); err != nil {
		return err
	}
	return expect(textproto.NewConn(secure), o.then, o.want)
}

// expect says a line, "" is none, and reads one.
func expect(conn *textproto.Conn, say, want string) error {
	if say != "" {
		if err := conn.PrintfLine("%s", say); err != nil {
			return err
		}
	}
	got, err := conn.ReadLine()
	if err == nil && !strings.HasPrefix(got, want) {
		err = fmt.Errorf("%q is answered by %q", say, got)
	}
	return err
}

// addressesOf are where an instance's sandboxes are reached, in their order, by service.
func addressesOf(name string) (all []map[string]string) {
	out, err := exec.Command("maillab", "status", "-n", name, "-o", "json").Output()
	var status struct {
		Sandboxes []struct {
			Addresses map[string]string `json:"addresses"`
		} `json:"sandboxes"`
	}
	if err == nil {
		err = json.Unmarshal(out, &status)
	}
	if err != nil || len(status.Sandboxes) == 0 {
		panic(fmt.Sprintf("%v: %s", err, out)) // of a test program
	}
	for _, s := range status.Sandboxes {
		all = append(all, s.Addresses)
	}
	return all
}
