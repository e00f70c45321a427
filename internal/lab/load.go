package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"maillab/internal/lab/placeholder"
	"maillab/internal/lab/task"
	"maillab/internal/spelling"
)

// Limits of what a lab puts into a sandbox: it is sent to each.
const (
	maxMessage = 10_240_000 // Postfix's message_size_limit
	maxPayload = 32 << 20
)

// load reads the mail and the files that the lab names.
func (l *Lab) load(fsys fs.FS) {
	total := 0
	for i, m := range l.Mail {
		at := index("mail", i)
		if !isAccount(sample(m.To)) {
			l.doc.report(child(at, "to"), "", "%q cannot be an account", m.To)
		}
		if m.Task != "" && !slices.ContainsFunc(l.Tasks, func(t task.Task) bool { return t.ID == m.Task }) {
			l.doc.report(child(at, "task"), "", "there is no task %q", m.Task)
		}
		l.eachPath(child(at, "file"), m.File, func(at, name string) { total += l.loadMail(fsys, at, name) })
	}
	for i, f := range l.Files {
		at := index("files", i)
		if to := sample(f.To); !strings.HasPrefix(to, "/home/") || path.Clean(to) != strings.TrimSuffix(to, "/") {
			l.doc.report(child(at, "to"), "/home/{account}/", "%q is not below a home", f.To)
		}
		l.eachPath(child(at, "from"), f.From, func(at, name string) { total += l.loadFiles(fsys, at, name) })
	}
	total += l.loadStatement(fsys)
	if total > maxPayload {
		l.doc.report("files", "", "mail and files come to %d bytes, more than %d", total, maxPayload)
	}
}

// maxStatement bounds the statement in one language, in octets.
const maxStatement = 256 << 10

// loadStatement reads what students are to do, statement.LANG.md, where the lab has it, and says how long it is.
func (l *Lab) loadStatement(fsys fs.FS) (total int) {
	l.statement = map[string]string{}
	for _, lang := range task.Languages() {
		name := "statement." + lang + ".md"
		text, err := ReadFile(fsys, path.Join(path.Dir(l.doc.file), name), maxStatement)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			l.doc.report("", "", "%s: %s", name, plain(err))
		default:
			l.statement[lang] = string(text)
			total += len(text)
		}
	}
	return total
}

// eachPath calls load for each path of text, of which the languages may share one.
func (l *Lab) eachPath(at string, text task.Text, load func(at, name string)) {
	seen := map[string]bool{}
	for _, lang := range sortedKeys(text) {
		name := text[lang]
		where := at
		if _, ok := l.doc.lines[child(at, lang)]; ok {
			where = child(at, lang)
		}
		if !seen[name] {
			load(where, name)
		}
		seen[name] = true
	}
}

// resolve is a path of the lab in its file system.
func (l *Lab) resolve(name string) (string, bool) {
	inside := path.Clean(name)
	return path.Join(path.Dir(l.doc.file), inside), fs.ValidPath(inside) && inside != "."
}

// loadMail reads a message and says how long it is.
func (l *Lab) loadMail(fsys fs.FS, at, name string) int {
	file, ok := l.resolve(name)
	if !ok {
		l.doc.report(at, "", "%q is not in the lab's folder", name)
		return 0
	}
	raw, err := ReadFile(fsys, file, maxMessage)
	if err != nil {
		l.doc.report(at, l.near(fsys, file, err), "%s: %s", name, plain(err))
	}
	l.raw[file] = raw
	return len(raw)
}

// loadFiles reads a file or all below a folder, and says how long they are.
func (l *Lab) loadFiles(fsys fs.FS, at, name string) (total int) {
	root, ok := l.resolve(name)
	if !ok {
		l.doc.report(at, "", "%q is not in the lab's folder", name)
		return 0
	}
	if len(l.at[root]) > 0 {
		return 0 // another entry takes it too
	}
	err := fs.WalkDir(fsys, root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := ReadFile(fsys, file, int64(maxPayload-total))
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		l.raw[file] = raw
		l.at[root] = append(l.at[root], entry{path: file, rel: strings.TrimPrefix(strings.TrimPrefix(file, root), "/"), mode: info.Mode()})
		if total += len(raw); len(l.at[root]) > maxFiles {
			return fmt.Errorf("more than %d files", maxFiles)
		}
		return nil
	})
	switch {
	case err != nil:
		l.doc.report(at, l.near(fsys, root, err), "%s: %s", l.failed(err, root, name), plain(err))
	case len(l.at[root]) == 0:
		l.doc.report(at, "", "%s: no file in it", name)
	}
	return total
}

// failed names the file of a folder that could not be read, as the lab names the folder.
func (l *Lab) failed(err error, root, name string) string {
	var perr *fs.PathError
	if errors.As(err, &perr) && strings.HasPrefix(perr.Path, root+"/") {
		return path.Join(name, strings.TrimPrefix(perr.Path, root))
	}
	return name
}

// near names the file that was most likely meant, where there is none of that name.
func (l *Lab) near(fsys fs.FS, file string, err error) string {
	if !errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	entries, err := fs.ReadDir(fsys, path.Dir(file))
	if err != nil {
		return ""
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if name := spelling.Nearest(path.Base(file), names); name != "" {
		return fmt.Sprintf("did you mean %q?", name)
	}
	return ""
}

// static is the account's names, of one that is the same for every class.
func (a Account) static(l *Lab) []string {
	if a.N.empty() {
		return []string{placeholder.Expand(a.Name, values{lab: l}.lookup)}
	}
	var names []string
	for n := a.N.First; n <= a.N.Last; n++ {
		names = append(names, placeholder.Expand(a.Name, values{lab: l, n: n}.lookup))
	}
	return names
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
