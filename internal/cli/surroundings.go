package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"maillab/internal/control"
	"maillab/internal/deploy"
	"maillab/internal/instance"
	"maillab/internal/safeio"
	"maillab/internal/spec"
)

// The file that MAILLAB_JSON names. Names are never changed, only added.

type runJSON struct {
	Instance  string           `json:"instance"`
	Lab       string           `json:"lab"`
	Engine    string           `json:"engine"`
	Topology  string           `json:"topology"`
	Domain    string           `json:"domain"`
	Hostname  string           `json:"hostname"`
	Sandboxes []runSandboxJSON `json:"sandboxes"`
}

type runSandboxJSON struct {
	Seat      int               `json:"seat"`
	Students  []string          `json:"students"`
	Addresses map[string]string `json:"addresses"`
	Accounts  []runAccountJSON  `json:"accounts"`
}

type runAccountJSON struct {
	Name     string `json:"name"`
	Password string `json:"password"`
	Student  string `json:"student"`
	FullName string `json:"full_name"`
}

// described is everything that a command may want to know of an instance.
func described(o deploy.Outcome) runJSON {
	out := runJSON{Instance: o.Name, Lab: o.Lab.Name, Engine: o.Engine.Capabilities().Name, Topology: o.Lab.Topology}
	by := o.Students
	for _, target := range o.Desired.Doors.Sandboxes {
		s := o.Desired.Specs[target.Seat]
		out.Domain, out.Hostname = s.Domain, s.Hostname
		out.Sandboxes = append(out.Sandboxes, runSandboxJSON{
			Seat: target.Seat, Students: by[target.Seat], Addresses: reached(target, o.Host), Accounts: accountsOf(s),
		})
	}
	slices.SortFunc(out.Sandboxes, func(a, b runSandboxJSON) int { return cmp.Compare(a.Seat, b.Seat) })
	return out
}

func reached(t control.Target, host string) map[string]string {
	return instance.Sandbox{Seat: t.Seat, Target: t}.Addresses(host)
}

func accountsOf(s spec.Sandbox) []runAccountJSON {
	accounts := []runAccountJSON{}
	for _, a := range s.Accounts {
		accounts = append(accounts, runAccountJSON{Name: a.Name, Password: a.Password, Student: a.Student, FullName: a.FullName})
	}
	return accounts
}

// surroundings are the variables that a command of run gets, and the file that one of them names.
func surroundings(a *app, o deploy.Outcome) ([]string, error) {
	all := described(o)
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return nil, err
	}
	file := filepath.Join(a.DataDir, "lab.json")
	if err := safeio.WriteFile(file, append(text, '\n'), 0o600, safeio.Whole); err != nil {
		return nil, err
	}
	return append(variables(all), "MAILLAB_JSON="+file), nil
}

// variables is what fits into variables: all addresses, and the accounts of the first sandbox.
func variables(all runJSON) []string {
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
