package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"maillab/internal/between"
	"maillab/internal/spec"
)

// accountName is stricter than useradd's rule in length and characters, looser in that a student number is a name.
var accountName = regexp.MustCompile(`^[a-z0-9_][a-z0-9_.-]{0,31}$`)

// hostName is one or more labels (RFC 1123 section 2.1).
var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$`)

// parseSpec reads and checks a spec: everything that root is about to write into files of the system is looked at here.
// system are the accounts that the image has already.
func parseSpec(text []byte, system map[string]bool) (*spec.Sandbox, error) {
	var s spec.Sandbox
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, fmt.Errorf("spec: %w", err)
	}
	if s.Version != spec.Version {
		return nil, fmt.Errorf("spec: version %d, this sandbox understands %d", s.Version, spec.Version)
	}
	errs := checkNames(&s)
	errs = append(errs, checkAccounts(s.Accounts, system)...)
	for _, f := range s.Files {
		errs = append(errs, checkFile(&s, f))
	}
	for _, m := range s.Mail {
		if _, ok := s.Account(m.To); !ok {
			errs = append(errs, fmt.Errorf("starting mail for %q: no such account", m.To))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("spec: %w", err)
	}
	return &s, nil
}

func checkNames(s *spec.Sandbox) (errs []error) {
	for _, name := range append([]string{s.Hostname}, s.Hosts...) {
		if !hostName.MatchString(name) || len(name) > 253 {
			errs = append(errs, fmt.Errorf("%q is no host name", name))
		}
	}
	if b := s.Between; b != nil {
		if a, err := netip.ParseAddr(b.Address); err != nil || !between.Range().Contains(a) || !hostName.MatchString(b.Parent) {
			errs = append(errs, fmt.Errorf("no neighbour: %q in %q", b.Address, b.Parent))
		}
	}
	if _, err := time.LoadLocation(s.Timezone); err != nil || s.Timezone == "Local" || s.Timezone == "" {
		errs = append(errs, fmt.Errorf("time zone %q is unknown", s.Timezone))
	}
	return errs
}

func checkAccounts(accounts []spec.Account, system map[string]bool) (errs []error) {
	if len(accounts) >= uidRange {
		errs = append(errs, fmt.Errorf("%d accounts, a sandbox has uids for %d", len(accounts), uidRange-1))
	}
	seen := map[string]bool{}
	for _, a := range accounts {
		switch {
		case !accountName.MatchString(a.Name):
			errs = append(errs, fmt.Errorf("account %q: not a name for an account", a.Name))
		case system[a.Name]:
			errs = append(errs, fmt.Errorf("account %q: the system has one of that name", a.Name))
		case seen[a.Name]:
			errs = append(errs, fmt.Errorf("account %q is there twice", a.Name))
		case a.Password != "" || a.PasswordHash == "":
			errs = append(errs, fmt.Errorf("account %q: a password hash is needed, and no password in clear", a.Name))
		case strings.ContainsAny(a.PasswordHash+a.FullName, ":\r\n\x00") || strings.Contains(a.PasswordHash, " "):
			errs = append(errs, fmt.Errorf("account %q: a colon, blank or line end where passwd(5) has no room for one", a.Name))
		}
		seen[a.Name] = true
	}
	return errs
}

func checkFile(s *spec.Sandbox, f spec.File) error {
	if _, ok := s.Account(f.Account); !ok {
		return fmt.Errorf("start file %q: no account %q", f.Path, f.Account)
	}
	if rel, ok := inHome(f); !ok || strings.ContainsAny(rel, "\r\n\x00") {
		return fmt.Errorf("start file %q is not below the home of %s", f.Path, f.Account)
	}
	if f.Mode&^0o777 != 0 {
		return fmt.Errorf("start file %q: mode %o", f.Path, f.Mode)
	}
	return nil
}

// inHome is a start file's path relative to its account's home.
func inHome(f spec.File) (rel string, ok bool) {
	rel, ok = strings.CutPrefix(f.Path, "/home/"+f.Account+"/")
	return rel, ok && filepath.IsLocal(rel) && rel != "." && path.Clean(rel) == rel
}

// forMaild is the spec's text without the accounts' passwords; everything else, known here or not, is left in.
func forMaild(text []byte) ([]byte, error) {
	var top map[string]json.RawMessage
	if err := json.Unmarshal(text, &top); err != nil {
		return nil, fmt.Errorf("spec: %w", err)
	}
	for key, value := range top {
		if !strings.EqualFold(key, "accounts") { // as encoding/json matches keys
			continue
		}
		var accounts []map[string]json.RawMessage
		if err := json.Unmarshal(value, &accounts); err != nil {
			return nil, fmt.Errorf("spec: accounts: %w", err)
		}
		for _, a := range accounts {
			for field := range a {
				if strings.EqualFold(field, "password") || strings.EqualFold(field, "passwordHash") {
					delete(a, field)
				}
			}
		}
		out, err := json.Marshal(accounts)
		if err != nil {
			return nil, err
		}
		top[key] = out
	}
	return joined(top, len(text))
}

// joined is an object with these members, some size octets long. Marshal would take each of them apart again.
func joined(members map[string]json.RawMessage, size int) ([]byte, error) {
	out := append(make([]byte, 0, size), '{')
	for _, key := range slices.Sorted(maps.Keys(members)) {
		quoted, err := json.Marshal(key)
		if err != nil {
			return nil, err
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(out, quoted...), ':')
		out = append(out, members[key]...)
	}
	return append(out, '}'), nil
}
