package sandbox

import (
	"fmt"
	"strconv"
	"strings"

	"maillab/internal/spec"
)

// account is one of the lab's accounts with its uid, which is its gid, too.
type account struct {
	name, fullName, hash string
	uid                  int
}

func (a account) home() string { return homesDir + "/" + a.name }

func accountsOf(s *spec.Sandbox, base int, n numbers) []account {
	var all []account
	for _, a := range s.Accounts {
		all = append(all, account{a.Name, a.FullName, a.PasswordHash, base + n[a.Name]})
	}
	return all
}

// table is passwd, group or shadow, line by line; comments do not exist in them.
type table []string

func parseTable(text []byte) table {
	var t table
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			t = append(t, line)
		}
	}
	return t
}

func (t table) text() []byte { return []byte(strings.Join(t, "\n") + "\n") }

// field is the n-th field of a line, "" when there are fewer.
func field(line string, n int) string {
	for range n {
		_, line, _ = strings.Cut(line, ":")
	}
	first, _, _ := strings.Cut(line, ":")
	return first
}

// system are the lines of a passwd or group table that are not ours: with a small number in the third field.
func (t table) system() table {
	var kept table
	for _, line := range t {
		if id, err := strconv.Atoi(field(line, 2)); err == nil && id < lowestBase {
			kept = append(kept, line)
		}
	}
	return kept
}

// names are the first fields.
func (t table) names() map[string]bool {
	names := map[string]bool{}
	for _, line := range t {
		names[field(line, 0)] = true
	}
	return names
}

// only are the lines whose first field is in names.
func (t table) only(names map[string]bool) table {
	var kept table
	for _, line := range t {
		if names[field(line, 0)] {
			kept = append(kept, line)
		}
	}
	return kept
}

// find is the line with this name, "" when there is none.
func (t table) find(name string) string {
	for _, line := range t {
		if field(line, 0) == name {
			return line
		}
	}
	return ""
}

func passwdTable(old table, accounts []account) table {
	t := old.system()
	for _, a := range accounts {
		t = append(t, fmt.Sprintf("%s:x:%d:%d:%s:%s:/bin/bash", a.name, a.uid, a.uid, a.fullName, a.home()))
	}
	return t
}

func groupTable(old table, accounts []account) table {
	t := old.system()
	for _, a := range accounts {
		t = append(t, fmt.Sprintf("%s:x:%d:", a.name, a.uid))
	}
	return t
}

// shadowTable takes the system's lines over from old, and for each account the line that he made with passwd, or a new
// one. today is in days since 1970, as shadow(5) counts; 0 would mean that the password has to be changed now.
func shadowTable(old table, system map[string]bool, accounts []account, changed changedPasswords, today int) table {
	t := old.only(system)
	for _, a := range accounts {
		line := changed.line(a)
		if line == "" {
			line = shadowLine(a.name, a.hash, today)
		}
		t = append(t, line)
	}
	return t
}

func shadowLine(name, hash string, today int) string {
	return fmt.Sprintf("%s:%s:%d:0:99999:7:::", name, hash, max(today, 1))
}

// changedPasswords are the shadow lines that students made with passwd, by account, with the spec's hash at that time.
type changedPasswords map[string]changedPassword

type changedPassword struct {
	given string // the spec's hash when it was changed: when the spec has another, the spec wins
	line  string
}

// line is the line in force that a student made, "" when he made none or the spec has overruled it.
func (c changedPasswords) line(a account) string {
	if one, ok := c[a.name]; ok && one.given == a.hash {
		return one.line
	}
	return ""
}

// observe returns what is changed according to a shadow table in force.
func observe(shadow table, accounts []account) changedPasswords {
	changed := changedPasswords{}
	for _, a := range accounts {
		line := shadow.find(a.name)
		if line != "" && field(line, 1) != a.hash {
			changed[a.name] = changedPassword{a.hash, line}
		}
	}
	return changed
}

func parseChanged(text []byte) changedPasswords {
	changed := changedPasswords{}
	for _, line := range parseTable(text) {
		given, shadow, ok := strings.Cut(line, " ")
		if name := field(shadow, 0); ok && name != "" {
			changed[name] = changedPassword{given, shadow}
		}
	}
	return changed
}

// text is the file's content, in the order of the accounts.
func (c changedPasswords) text(accounts []account) []byte {
	var out strings.Builder
	for _, a := range accounts {
		if one, ok := c[a.name]; ok {
			fmt.Fprintf(&out, "%s %s\n", one.given, one.line)
		}
	}
	return []byte(out.String())
}
