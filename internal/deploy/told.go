package deploy

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"maillab/internal/instance"
	"maillab/internal/lab"
	"maillab/internal/spec"
)

// Told is what a program in a lab is told of it: the file that MAILLAB_JSON names. Names are never changed, only added.
type Told struct {
	Instance  string        `json:"instance"`
	Lab       string        `json:"lab"`
	Engine    string        `json:"engine"`
	Topology  string        `json:"topology"`
	Domain    string        `json:"domain"` // of the first sandbox: all have one, but in a lab between servers
	Hostname  string        `json:"hostname"`
	Sandboxes []ToldSandbox `json:"sandboxes"`
}

// ToldSandbox is one sandbox of it.
type ToldSandbox struct {
	Seat      int               `json:"seat"`
	Students  []string          `json:"students"`
	Domain    string            `json:"domain"`
	Hostname  string            `json:"hostname"`
	Addresses map[string]string `json:"addresses"`
	Accounts  []ToldAccount     `json:"accounts"`
}

// ToldAccount is one account of a sandbox.
type ToldAccount struct {
	Name     string `json:"name"`
	Password string `json:"password"`
	Student  string `json:"student"`
	FullName string `json:"full_name"`
}

// Tell is everything that a program may want to know of the instance.
func (o Outcome) Tell() Told {
	out := Told{Instance: o.Name, Lab: o.Lab.Name, Engine: o.Engine.Capabilities().Name, Topology: o.Lab.Topology}
	for _, target := range o.Desired.Doors.Sandboxes {
		s := o.Desired.Specs[target.Seat]
		out.Sandboxes = append(out.Sandboxes, ToldSandbox{
			Seat: target.Seat, Students: o.Students[target.Seat], Domain: s.Domain, Hostname: s.Hostname, Addresses: instance.Sandbox{Seat: target.Seat, Target: target}.Addresses(o.Host), Accounts: accountsOf(s),
		})
	}
	slices.SortFunc(out.Sandboxes, func(a, b ToldSandbox) int { return cmp.Compare(a.Seat, b.Seat) })
	if len(out.Sandboxes) > 0 {
		out.Domain, out.Hostname = out.Sandboxes[0].Domain, out.Sandboxes[0].Hostname
	}
	return out
}

func accountsOf(s spec.Sandbox) []ToldAccount {
	accounts := []ToldAccount{}
	for _, a := range s.Accounts {
		accounts = append(accounts, ToldAccount{Name: a.Name, Password: a.Password, Student: a.Student, FullName: a.FullName})
	}
	return accounts
}

// Variables is what of it fits into variables: all addresses, and the accounts of the first sandbox.
func (all Told) Variables() []string {
	vars := []string{"MAILLAB_INSTANCE=" + all.Instance, "MAILLAB_DOMAIN=" + all.Domain, "MAILLAB_HOSTNAME=" + all.Hostname}
	for i, s := range all.Sandboxes {
		for _, service := range []string{"smtp", "pop3", "imap", "ssh"} {
			address := s.Addresses[service]
			if address == "" {
				continue
			}
			name := "MAILLAB_" + strings.ToUpper(service)
			if i == 0 {
				vars = append(vars, name+"="+address)
			}
			vars = append(vars, name+"_"+strconv.Itoa(s.Seat)+"="+address)
		}
	}
	for i, account := range all.Sandboxes[0].Accounts {
		vars = append(vars, fmt.Sprintf("MAILLAB_USER_%d=%s", i+1, account.Name),
			fmt.Sprintf("MAILLAB_PASSWORD_%d=%s", i+1, account.Password))
	}
	return vars
}

// Entry is how a student gets in.
type Entry struct {
	Student           string
	Account, Password string
	Addresses         map[string]string
}

// First is that of the first student, as an example.
func (o Outcome) First() (Entry, bool) {
	if len(o.Desired.Doors.Sandboxes) == 0 {
		return Entry{}, false
	}
	first := o.Desired.Doors.Sandboxes[0]
	student := o.Class.Students[0].Key
	for _, s := range o.Class.Students {
		if o.Seats[s.Key] == first.Seat {
			student = s.Key
		}
	}
	account, _ := lab.Login(o.Desired.Specs[first.Seat], student)
	return Entry{student, account.Name, account.Password, instance.Sandbox{Seat: first.Seat, Target: first}.Addresses(o.Host)}, true
}
