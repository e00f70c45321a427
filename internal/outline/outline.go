// Package outline keeps of a sandbox just enough to say later, in words, what of it became different: memory 96 → 128 MiB, task
// journal new, account prof gone. It is pure. Of what is long or secret it has a digest.
package outline

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"maillab/internal/engine"
	"maillab/internal/spec"
)

// Outline is what is known of one sandbox: by kind and name a value, or a digest of it. It is kept as it is, as JSON.
type Outline map[string]map[string]string

// The kinds.
const (
	container = "container" // what it is made from; all others are what it is told
	setting   = "setting"
	service   = "service"
	account   = "account"
	password  = "password"
	task      = "task"
	mail      = "mail"
	file      = "file"
)

// phrases are how a difference is said: of a name in a kind.
type phrases struct{ kind, fresh, gone, changed string }

// told are those of what a sandbox is told, in their order. An account that is new has a password that is, which goes without saying.
func told() []phrases {
	return []phrases{
		{service, "service %s new", "service %s gone", "service %s changed"},
		{account, "account %s new", "account %s gone", "account %s changed"},
		{password, "", "", "password of %s changed"},
		{task, "task %s new", "task %s gone", "task %s changed"},
		{mail, "starting mail for %s new", "starting mail for %s gone", "starting mail for %s changed"},
		{file, "file %s new", "file %s gone", "file %s changed"},
	}
}

// sizes are what a container is made from.
func sizes() map[string]string {
	return map[string]string{
		"memory": "memory %s → %s", "processors": "processors %s → %s", "processes": "processes %s → %s", "hostname": "container's name %s → %s",
		"image": "another version of the programs in it", "tmp": "room in /tmp %s → %s",
	}
}

// words are what a lab says in a word or two; of what takes more it is said that it changed.
func words() map[string]string {
	return map[string]string{
		"domain": "domain %s → %s", "hostname": "host name %s → %s", "timezone": "time zone %s → %s", "encryption": "encryption %s → %s",
		"language": "language %s → %s", "title": "title %s → %s", "locals": "local domains %s → %s", "hosts": "names of the server %s → %s",
		"room": "room for mail and files %s → %s", "limit": "processes of an account %s → %s",
		"aliases": "aliases changed", "outside": "the outside world changed", "routes": "routes changed", "certificate": "another certificate",
	}
}

// Of is the outline of a sandbox that is made from c and told s.
func Of(s spec.Sandbox, c engine.SandboxSpec) Outline {
	o := Outline{
		container: {
			"memory": mebibytes(c.Memory), "processors": strconv.FormatFloat(float64(c.NanoCPUs)/1e9, 'g', 6, 64), "processes": strconv.FormatInt(c.PIDs, 10),
			"hostname": c.Hostname, "image": c.Image, "tmp": mebibytes(c.TmpBytes),
		},
		setting: settings(s), service: services(s.Services),
		account: {}, password: {}, task: tasks(s.Tasks), mail: {}, file: {},
	}
	for _, a := range s.Accounts {
		o[account][a.Name], o[password][a.Name] = digest(a.Student, a.Lang), digest(a.Password)
	}
	for _, m := range s.Mail {
		o[mail][m.To] = digest(o[mail][m.To], m.Raw)
	}
	for _, f := range s.Files {
		o[file][f.Path] = digest(f.Account, f.Mode, f.Data)
	}
	return o
}

// settings are what a lab says in a word or two, and the rest of what students notice.
func settings(s spec.Sandbox) map[string]string {
	return map[string]string{
		"domain": s.Domain, "hostname": s.Hostname, "timezone": s.Timezone, "encryption": s.TLS, "language": s.Lang,
		"title": s.Title[s.Lang], "locals": strings.Join(s.Locals, " "), "hosts": strings.Join(s.Hosts, " "),
		"room": mebibytes(s.Limits.SpoolBytes), "limit": strconv.Itoa(s.Limits.Processes),
		"aliases": digest(s.Aliases), "outside": digest(s.Outside), "routes": digest(s.Routes), "certificate": digest(s.Certificate),
	}
}

func services(s spec.Services) map[string]string {
	on := map[string]string{}
	if s.SMTP != nil {
		on["smtp"] = digest(*s.SMTP)
	}
	if s.POP3 != nil {
		on["pop3"] = digest(*s.POP3)
	}
	if s.IMAP != nil {
		on["imap"] = digest(*s.IMAP)
	}
	if s.SSH != nil {
		on["ssh"] = digest(*s.SSH)
	}
	return on
}

// tasks are those of the first student: on a shared server the others' are the same, with other names and codes in them.
func tasks(sheets json.RawMessage) map[string]string {
	var all []struct {
		Tasks []json.RawMessage `json:"tasks"`
	}
	ids := map[string]string{}
	if json.Unmarshal(sheets, &all) != nil || len(all) == 0 { // of another version: nothing can be said of it
		return ids
	}
	for _, raw := range all[0].Tasks {
		var one struct {
			ID string `json:"id"`
		}
		if json.Unmarshal(raw, &one) == nil {
			ids[one.ID] = digest(raw)
		}
	}
	return ids
}

// digest is of values as JSON.
func digest(values ...any) string {
	text, err := json.Marshal(values)
	if err != nil {
		panic(fmt.Sprintf("outline: a value does not marshal: %v", err)) // plain data: our own bug
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:6])
}

func mebibytes(n int64) string {
	if n%(1<<20) != 0 {
		return strconv.FormatInt(n, 10)
	}
	return strconv.FormatInt(n>>20, 10) + " MiB"
}

// Container says what a container is made from otherwise than it was, "" when nothing or when that is not known.
func Container(was, is Outline) string {
	if was == nil {
		return ""
	}
	return said(values(sizes(), was[container], is[container]))
}

// Told says what a sandbox is told otherwise than it was.
func Told(was, is Outline) string {
	if was == nil {
		return ""
	}
	all := values(words(), was[setting], is[setting])
	for _, p := range told() {
		all = append(all, p.differences(was[p.kind], is[p.kind])...)
	}
	return said(all)
}

// most is how many differences are told one by one.
const most = 6

func said(all []string) string {
	if len(all) > most {
		all = append(all[:most-1:most-1], fmt.Sprintf("and %d more", len(all)-most+1))
	}
	return strings.Join(all, "; ")
}

// values says which of the values that have such formats are others.
func values(formats, was, is map[string]string) (all []string) {
	for _, name := range slices.Sorted(maps.Keys(formats)) {
		format, before, now := formats[name], was[name], is[name]
		switch {
		case before == now:
		case strings.Contains(format, "%s"):
			all = append(all, fmt.Sprintf(format, shown(before, now), cmp.Or(now, "none")))
		default:
			all = append(all, format)
		}
	}
	return all
}

// shown is what was before, as in "96 → 128 MiB": a unit is said once.
func shown(before, now string) string {
	one, unit, _ := strings.Cut(before, " ")
	if _, same, both := strings.Cut(now, " "); both && same == unit && !strings.Contains(unit, " ") {
		return one
	}
	return cmp.Or(before, "none")
}

// differences are those of a kind, by name.
func (p phrases) differences(was, is map[string]string) (all []string) {
	names := slices.Collect(maps.Keys(was))
	for name := range is {
		if _, both := was[name]; !both {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		before, had := was[name]
		now, has := is[name]
		format := p.changed
		switch {
		case had && has && before == now:
			continue
		case !had:
			format = p.fresh
		case !has:
			format = p.gone
		}
		if format != "" {
			all = append(all, fmt.Sprintf(format, name))
		}
	}
	return all
}
