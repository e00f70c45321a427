// Package handout makes what a teacher prints or mails to students: where to connect, with which accounts and passwords,
// and what to type first, in each student's language. It is pure: values in, text out.
//
// Forms: Markdown; HTML that prints one student a page, on A4 and Letter, with nothing fetched from anywhere; CSV, one row an
// account; and an ssh_config to include, with a Host for each student.
package handout

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
)

// Class is all sheets of an instance.
type Class struct {
	Instance string            `json:"instance"`
	Title    map[string]string `json:"title"` // of the lab, by language
	Sheets   []Sheet           `json:"sheets"`
}

// Sheet is one student's.
type Sheet struct {
	Student  string    `json:"student"`
	Name     string    `json:"name,omitempty"` // as the class list has it now, told apart from homonyms; "" when it is what the student is called
	Seat     int       `json:"seat"`
	Lang     string    `json:"lang"` // fr or en
	Domain   string    `json:"domain"`
	Hostname string    `json:"hostname"`
	Services []Service `json:"services"`
	Accounts []Account `json:"accounts"`           // the login first
	HostKey  string    `json:"host_key,omitempty"` // "ssh-ed25519 AAAA…"; "" when it is not known

	Statement string `json:"statement,omitempty"` // where it is in the login's home; "" when it is not there
	Tasks     int    `json:"tasks,omitempty"`     // how many there are: lab shows them
	Points    int    `json:"points,omitempty"`    // that they give at most, all together
	Web       string `json:"web,omitempty"`       // the class's page; "" when there is none
	Until     string `json:"until,omitempty"`     // when the server may go, as students' clocks have it; "" is never
}

// Service is where one is reached.
type Service struct {
	Name    string `json:"name"`    // ssh, smtp, pop3, imap
	Address string `json:"address"` // host:port
}

// Account with its password in clear.
type Account struct {
	Name     string `json:"name"`
	Password string `json:"password"`
	Own      bool   `json:"own"` // one that the student's tasks are done with
}

// Titled is who the sheet says that it is for: a name that was corrected, or is another's, too.
func (s Sheet) Titled() string { return cmp.Or(s.Name, s.Student) }

// Own are the accounts that the student works with, Others those that are only there; all are Own where none is.
func (s Sheet) Own() (own []Account) {
	for _, a := range s.Accounts {
		if a.Own || !s.Marked() {
			own = append(own, a)
		}
	}
	return own
}

// Others are the accounts that are only there, those of one password together.
func (s Sheet) Others() (groups []Group) {
	for _, a := range s.Accounts {
		if a.Own || !s.Marked() {
			continue
		}
		i := slices.IndexFunc(groups, func(g Group) bool { return g.Password == a.Password })
		if i < 0 {
			i, groups = len(groups), append(groups, Group{Password: a.Password})
		}
		groups[i].Names = append(groups[i].Names, a.Name)
	}
	return groups
}

// Group is accounts that have one password.
type Group struct {
	Names    []string
	Password string
}

// Marked tells whether some of the accounts are the student's own to work with, and others only there.
func (s Sheet) Marked() bool {
	own := func(a Account) bool { return a.Own }
	return slices.ContainsFunc(s.Accounts, own) && slices.ContainsFunc(s.Accounts, func(a Account) bool { return !a.Own })
}

// title is the lab's in a language, or in any.
func (c Class) title(lang string) string {
	if t := c.Title[lang]; t != "" {
		return t
	}
	for _, key := range sortedKeys(c.Title) {
		return c.Title[key]
	}
	return c.Instance
}

func sortedKeys(m map[string]string) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Command is what to type to reach a service.
func (s Service) Command(login string) string {
	host, port, err := net.SplitHostPort(s.Address)
	if err != nil {
		return s.Address
	}
	if s.Name != "ssh" {
		return "telnet " + host + " " + port
	}
	if port == "22" {
		return "ssh " + login + "@" + host
	}
	return "ssh -p " + port + " " + login + "@" + host
}

// Login is the account that a student logs in with.
func (s Sheet) Login() string {
	if len(s.Accounts) == 0 {
		return ""
	}
	return s.Accounts[0].Name
}

// CSV is one row an account.
func (c Class) CSV() (string, error) {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	names := []string{"ssh", "smtp", "pop3", "imap"}
	_ = w.Write(append([]string{"seat", "student", "account", "password", "address"}, append(names, "own")...))
	for _, s := range c.Sheets {
		at := map[string]string{}
		for _, service := range s.Services {
			at[service.Name] = service.Address
		}
		for _, a := range s.Accounts {
			row := []string{strconv.Itoa(s.Seat), harmless(s.Student), harmless(a.Name), a.Password, a.Name + "@" + s.Domain}
			for _, name := range names {
				row = append(row, at[name])
			}
			row = append(row, map[bool]string{true: "yes"}[a.Own])
			_ = w.Write(row)
		}
	}
	w.Flush()
	return out.String(), w.Error()
}

// harmless keeps a spreadsheet from taking a name for a formula.
func harmless(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t", rune(text[0])) {
		return "'" + text
	}
	return text
}

// SSHConfig is a Host INSTANCE-STUDENT for each student with SSH. Its host key goes into a file of its own: see
// KnownHosts.
func (c Class) SSHConfig(knownHosts string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s: Include this file from ~/.ssh/config, or use it with ssh -F.\n", c.Instance)
	for _, s := range c.Sheets {
		host, port, ok := s.ssh()
		if !ok {
			continue
		}
		fmt.Fprintf(&b, "\nHost %s-%s\n  HostName %s\n  Port %s\n  User %s\n", alias(c.Instance), alias(s.Student), host, port, s.Login())
		if knownHosts != "" && s.HostKey != "" {
			fmt.Fprintf(&b, "  UserKnownHostsFile \"%s\"\n", knownHosts)
		}
	}
	return b.String()
}

// KnownHosts are the host keys in the form of known_hosts (sshd(8)).
func (c Class) KnownHosts() string {
	var b strings.Builder
	for _, s := range c.Sheets {
		if host, port, ok := s.ssh(); ok && s.HostKey != "" {
			if port == "22" {
				fmt.Fprintf(&b, "%s %s\n", host, s.HostKey)
			} else {
				fmt.Fprintf(&b, "[%s]:%s %s\n", host, port, s.HostKey)
			}
		}
	}
	return b.String()
}

func (s Sheet) ssh() (host, port string, ok bool) {
	service, ok := s.service("ssh")
	host, port, err := net.SplitHostPort(service.Address)
	return host, port, ok && err == nil
}

// alias is a name as ssh_config can hold it: no blanks, and none of its patterns' characters.
func alias(name string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || strings.ContainsRune(`*?!,"'#\`, r) {
			return '-'
		}
		return r
	}, name)
}
