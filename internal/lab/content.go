package lab

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"maillab/internal/lab/task"
	"maillab/internal/spec"
)

// content fills in what depends on a sandbox's accounts.
type content struct {
	*compiler
	group   []*student
	owner   *student // of the sandbox; nil when it is shared
	sandbox *spec.Sandbox
}

// each calls fill for every student of the sandbox when texts differ between them, else once.
func (w *content) each(fill func(s *student, v values), texts ...string) {
	if !perStudent(strings.Join(texts, "\n")) {
		fill(w.owner, w.values(w.owner))
		return
	}
	for _, s := range w.group {
		fill(s, w.values(s))
	}
}

// has reports a name that is no account here.
func (w *content) has(at, name string) bool {
	if _, ok := w.sandbox.Account(name); ok {
		return true
	}
	w.doc.report(at, "", "there is no account %q", name)
	return false
}

func (w *content) aliases() {
	w.sandbox.Aliases = map[string]string{}
	for _, name := range sortedKeys(w.Aliases) {
		at := child("aliases", name)
		w.each(func(_ *student, v values) {
			alias, target := strings.ToLower(v.expand(name)), v.expand(w.Aliases[name])
			_, shadowed := w.sandbox.Account(alias)
			other, taken := w.sandbox.Aliases[alias]
			switch {
			case !isLocalPart(alias):
				w.doc.report(at, "", "alias %q cannot be a local part", alias)
			case shadowed:
				w.doc.report(at, "", "alias %q is an account already", alias)
			case taken && other != target:
				w.doc.report(at, "", "alias %q leads to %q and to %q", alias, other, target)
			case w.has(at, target):
				w.sandbox.Aliases[alias] = target
			}
		}, name, w.Aliases[name])
	}
}

func (w *content) routes() {
	w.sandbox.Routes = []spec.Route{}
	ports, addresses := map[string]bool{}, map[string]bool{}
	for i, r := range w.Routes {
		at := index("routes", i)
		w.each(func(s *student, v values) {
			route := spec.Route{To: strings.ToLower(v.expand(r.To)), Via: v.expand(r.Via)}
			if w.Topology == Shared && s != nil && len(s.accounts) > 0 {
				route.Account = s.accounts[0]
			}
			_, _, full := splitAddress(route.To)
			port, loopback := splitLoopback(route.Via)
			switch {
			case !full:
				w.doc.report(child(at, "to"), "", "%q is not a full address", route.To)
			case !loopback:
				w.doc.report(child(at, "via"), "", "%q is not a port of the sandbox itself", route.Via)
			case takenPort(port) != "":
				w.doc.report(child(at, "via"), "", "port %s is %s's", port, takenPort(port))
			case addresses[route.To]:
				w.doc.report(child(at, "to"), "{seat} makes it one for each", "%s is routed twice", route.To)
			case ports[port]:
				w.doc.report(child(at, "via"), "{port} is one for each student", "port clash: two routes lead to port %s", port)
			}
			ports[port], addresses[route.To] = true, true
			w.sandbox.Routes = append(w.sandbox.Routes, route)
		}, r.To, r.Via)
	}
}

func (w *content) mail() {
	w.sandbox.Mail = []spec.Mail{}
	for i, m := range w.Mail {
		at := child(index("mail", i), "to")
		w.each(func(s *student, v values) {
			to := v.expand(m.To)
			if !w.has(at, to) {
				return
			}
			if s == nil {
				v = w.values(w.ownerOf(to))
			}
			v.task = m.Task
			file, _ := w.resolve(m.File.In(v.lang()))
			w.sandbox.Mail = append(w.sandbox.Mail, spec.Mail{To: to, Raw: []byte(v.expand(string(w.raw[file])))})
		}, m.To)
	}
}

// ownerOf finds whose an account is; nil is nobody's.
func (w *content) ownerOf(account string) *student {
	i := slices.IndexFunc(w.group, func(s *student) bool { return slices.Contains(s.accounts, account) })
	if i < 0 {
		return nil
	}
	return w.group[i]
}

func (w *content) files() {
	w.sandbox.Files = []spec.File{}
	seen := map[string]bool{}
	for i, f := range w.Files {
		at := child(index("files", i), "to")
		w.each(func(_ *student, v values) {
			to := v.expand(f.To)
			account := strings.Split(strings.TrimPrefix(to, "/home/"), "/")[0]
			if !w.has(at, account) {
				return
			}
			root, _ := w.resolve(f.From.In(v.lang()))
			for _, e := range w.at[root] {
				file := w.file(f, e, to, v)
				file.Account = account
				if !strings.HasPrefix(file.Path, "/home/"+account+"/") || seen[file.Path] {
					w.doc.report(at, "", "%s is there twice, or not below /home/%s", file.Path, account)
				}
				seen[file.Path] = true
				w.sandbox.Files = append(w.sandbox.Files, file)
			}
		}, f.To)
	}
}

// file is one file of an entry.
func (w *content) file(f File, e entry, to string, v values) spec.File {
	file := spec.File{Path: path.Join(to, e.rel), Data: w.raw[e.path], Mode: uint32(0o644)}
	if e.rel == "" && strings.HasSuffix(to, "/") {
		file.Path = path.Join(to, path.Base(e.path))
	}
	if e.mode&0o100 != 0 || bytes.HasPrefix(file.Data, []byte("#!")) {
		file.Mode = 0o755
	}
	if mode, err := strconv.ParseUint(f.Mode, 8, 9); err == nil {
		file.Mode = uint32(mode)
	}
	if f.Expand && utf8.Valid(file.Data) {
		file.Data = []byte(v.expand(string(file.Data)))
	}
	return file
}

// tasks makes a sheet for each student.
func (w *content) tasks() {
	if len(w.Tasks) == 0 {
		return
	}
	sheets := []task.Sheet{}
	for _, s := range w.group {
		sheet := task.Sheet{Student: s.Key, Accounts: s.accounts, Shared: w.Topology == Shared}
		for i, t := range w.Tasks {
			v := w.values(s)
			v.task = t.ID
			made := task.Expand(w.inZone(t), v.lookup)
			w.judgeTask(child(index("tasks", i), "check"), &made, s)
			sheet.Tasks = append(sheet.Tasks, made)
		}
		sheets = append(sheets, sheet)
	}
	text, err := json.Marshal(sheets)
	if err != nil {
		panic(fmt.Sprintf("lab: tasks do not marshal: %v", err)) // plain data: our own bug
	}
	w.sandbox.Tasks = text
}

// judgeTask looks at what a check names.
func (w *content) judgeTask(at string, t *task.Task, s *student) {
	for where, c := range t.Check.Walk(at) {
		named := c.Accounts()
		for _, key := range sortedKeys(named) {
			if w.has(child(where, key), named[key]) && !slices.Contains(s.accounts, named[key]) {
				w.doc.report(child(where, key), "{account}, {account2}", "nobody but its owner can pass: %q is not an account of %s", named[key], s.Key)
			}
		}
		if c.Run != nil {
			w.judgeRunMail(child(where, "run.mail"), c.Run.Mail, s)
		}
		if c.Mail == nil || c.Mail.Attachment == nil || c.Mail.Attachment.Same == "" {
			continue
		}
		same := c.Mail.Attachment.Same
		if !slices.ContainsFunc(w.sandbox.Files, func(f spec.File) bool { return f.Path == same }) {
			w.doc.report(child(where, "mail.attachment.same"), "", "%s is not one of the lab's files", same)
		}
	}
}

// judgeRunMail looks at whom a run's mail goes to: an account of the student's own, an alias, or a route.
func (w *content) judgeRunMail(at string, mail []task.Message, s *student) {
	for i, m := range mail {
		local, domain, full := splitAddress(m.To)
		if !full {
			local = m.To
		}
		to := strings.ToLower(local)
		if account, is := w.sandbox.Aliases[to]; is {
			to = account
		}
		routed := slices.ContainsFunc(w.sandbox.Routes, func(r spec.Route) bool { return strings.EqualFold(r.To, m.To) })
		switch _, there := w.sandbox.Account(to); {
		case routed || slices.Contains(s.accounts, to) && (!full || w.isLocal(domain)):
		case full && !w.isLocal(domain):
			w.doc.report(child(index(at, i), "to"), "{account}@{domain}", "%q is not an address of this server", m.To)
		case there:
			w.doc.report(child(index(at, i), "to"), "{account}@{domain}", "%q is not an account of %s: a run's mail goes to the student's own", local, s.Key)
		default:
			w.doc.report(child(index(at, i), "to"), "{account}@{domain}", "there is no account %q", local)
		}
	}
}

// isLocal says whether mail for a domain stays on the server.
func (w *content) isLocal(domain string) bool {
	return strings.EqualFold(domain, "localhost") || slices.ContainsFunc(append(w.sandbox.Locals, w.sandbox.Domain, w.sandbox.Hostname), func(local string) bool {
		return strings.EqualFold(local, domain)
	})
}
