package say

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// Whatever the program says to a teacher is in the catalogue: this test reads the source of the packages that speak to
// teachers, takes each string that is words, and looks for its translation.

// speakers are those packages, below internal/.
func speakers() []string {
	return strings.Fields(`
		../cmd/maillab cli ask commandline steps
		author author/studio
		classroom dialogue gradebook marking progress
		plan outline apply deploy instance doctor probe
		engine engine/embedded engine/docker
		login control certificate filelock scratch disposable leash compose
		roster roster/sheet period
		../labs lab lab/source lab/task lab/placeholder lab/problem
		snapshot belongings standby depot operator request shelf listing
		lesson grading gateway mesh spec epoch fault
	`)
}

// silent are functions whose arguments, and names whose values, are no text for a teacher.
var silent = regexp.MustCompile(`^(mux\.HandleFunc|own\.HandleFunc|strings\.(Contains|HasPrefix|HasSuffix|CutPrefix|TrimPrefix|Cut)|bytes\.\w+|regexp\.MustCompile|(log|.*\.log)\.\w+|(Warn|Error|Info)|panic|Example|Annotations)$`)

// notText are strings of words that are none for a teacher, by package.
func notText(pkg string) []string {
	return map[string][]string{
		"cli": {"\x1b[H\x1b[2J", "already told", "RUNTIME", "DATA", "Be the process of an embedded instance", "End the command of a run that is killed",
			"%s for %s, made by maillab render compose. There is no controller in it:", // what a file says of itself
			"accounts, SSH, telnet, mail and lab check are there; reset, snapshot, status and check from outside are not.",
			" -n %s", " --student %s", "ssh", "smtp", "pop3", "imap", "commit", "version", "image",
		},
		"commandline": {"%s %s missing: %s", " and "},
		"classroom": {"%d s", "%d %ss", " from sender reply-to to cc bcc subject date message-id mime-version content-type ", "MIME-Version: 1.0\n",
			"Content-Type: text/plain; charset=%s\n", "Content-Transfer-Encoding: %s\n\n", "ssh", "smtp", "pop3", "imap",
			"C: %s", "S: %s"},
		"dialogue": {"dialogue header: %w", "dialogue header of version %d, want %d", "dialogue without a piece", "dialogue %q: %w", "dialogues: %w",
			"no such dialogue", "mail from:", "%.2f s", "dialogue: a line does not marshal: %v"}, // of what a daemon keeps
		"author": {"lab answer %s", "nothing of the kind", "[^ \\n]", "#!/bin/sh\nexit 1\n", "À écrire", "To be written", "À écrire : %s", "To be written: %s",
			"telnet localhost %d, puis %s.", "telnet localhost %d, then %s.", "%s\ntasks:\n%s", "Recorded by maillab author: title, hint and points are yours to write, and patterns yours to widen.",
			"uid %s", "(?i)^[^ ]+ +%s%s", "^[^ ]+ NO ", "^[^ ]+ OK ", "zz logout", `%s$(printf '\000%s\000%s' "%s" "%s" | base64)`, `%s$(printf %s "%s" | base64)`, "AUTH %s",
			`(body(\.peek)?\[(text)?\]|rfc822(\.text)?([ )]|$))`, "(uid +)?%s", `^\* [0-9]+ FETCH `}, // of labs and scripts
		"author/studio":   {"date +%s.%N", "export %s='%s'\n", "name: my-lab", "name: %s", "-n %s "},
		"plan":            {"create %s"},
		"outline":         {"%s MiB"},
		"progress":        {"%d epochs", "epoch %d: %w", "%s: %d attempts", "%d words on tasks"}, // of what a sandbox keeps
		"deploy":          {", and ", " of %s", "expired "},
		"instance":        {" (seat %d)"},
		"engine/embedded": {"spec: %w", "%s of %s: %w"},
		"engine/docker": {"CMD [\"/bin/bash\"]", "DOCKER_CERT_PATH: %w", "Backing Filesystem", " on %s", "maillab doctor --probe", "images: %w", "volumes: %w",
			"containers: %w"},
		"doctor":      {"make build", "sh -c '%s' </dev/null"},
		"control":     {"PUT /v1/spec", "POST /v1/passwd", "text/plain; charset=utf-8", "%s of %s: %w"},
		"certificate": {"PRIVATE KEY"},
		"fault": {"4.3.0 Error: temporary failure, try again later", "5.3.0 Error: refused", // as the protocol says it
			"%s\x00%s\x00%d", "command=rcpt code=451 times=2", "delay=60s", "latency=2s jitter=500ms", "rate=1KiB", "delay=5s", "timeout=10s", "timeout=2s",
			"bytes=512 command=data", "host=mx.nowhere.lab", "times=2", "%s=%v", "451, 550 …", "mx.nowhere.lab",
			"broken off: ", "after %d octets"}, // as records have it
		"belongings": {"home: %w"},
		"lab": {"from: \"^{account}(@|$)\"", "services: {%s: {}}", "n: 1-19", "name: \"util{n}\"", "smtp, pop3, imap, ssh", "tls: starttls", "domain: example.org", "hostname: mx", "services: {smtp: {}}", "assign: [\"util{seat}\"]",
			"unknown escape character", "expected ',' or ']'", "expected ',' or '}'", "end of stream", "cannot start any token", "unknown anchor", "could not find expected ':'"}, // the YAML library's
		"grading": {"port %q: %w", "From: %s\nTo: %s\nSubject: %s\nX-Maillab-Check: %s\n\n%s\n"}, // in a run's report, and mail
		"gateway": {"GET /v1/status", "GET /v1/activity", "GET /v1/dialogues", "GET /v1/dialogue", "GET /v1/log", "POST /v1/check", "PUT /v1/mark", "GET /v1/changes",
			"GET /v1/messages", "GET /v1/message", "GET /v1/recordings", "GET /v1/recording", "POST /v1/notes", "GET /v1/copies", "POST /v1/copies",
			"POST /v1/copies/put", "POST /v1/reset",
			"421 4.7.0 Error: too many connections\r\n", "-ERR [SYS/TEMP] Too many connections.\r\n", "* BYE Too many connections.\r\n",
			"Too many connections.\r\n"}, // as the protocols say it
		"roster":       {"last name", "first name", "email %s", "fr fr", "en gb", "en us"},
		"roster/sheet": {"0123456789.,'’+-Ee \u00a0\u202f"},
		"gradebook": {"Maximum grade", "Note maximale", "Grade can be changed", "La note peut être modifiée", "Last modified (grade)",
			"Dernière modification (note)", "Feedback comments", "Feedback par commentaires", "last name", // Moodle's own
			"Résultats de", "Rien n'a été fait.", "Results of", "Nothing was done."}, // in the student's language
	}[pkg]
}

// scripts begin what the probes run.
var scripts = regexp.MustCompile(`^((import|getent|ls|cat|test|mount|mknod|unshare|nsenter|nice|date|hostname|echo|touch|rm|su -c|find|` +
	`python3|nc|timeout|kill|mkdir|true|head|for)\b|i=0|b = )`)

// notForTeachers tells whether a string is words of something else than what the program says.
func notForTeachers(pkg string, s said) bool {
	file := filepath.ToSlash(s.where[:strings.Index(s.where, ":")])
	switch {
	case pkg == "roster" && strings.HasSuffix(file, "/columns.go"): // what registrars call their columns
		return true
	case pkg == "lab" && strings.HasSuffix(file, "/motd.go"): // what students read, in both languages
		return true
	case pkg == "author" && regexp.MustCompile(`/(script|letter|ways)\.go$`).MatchString(file): // what labs and scripts are made of
		return true
	case pkg == "probe" && scripts.MatchString(s.text):
		return true
	}
	return slices.Contains(notText(pkg), s.text)
}

// said is a string of the source.
type said struct{ text, where string }

func TestEverythingIsTranslated(t *testing.T) {
	c := frenchOf(t)
	used := map[string]bool{}
	for _, pkg := range speakers() {
		for _, s := range stringsOf(t, filepath.Join("..", pkg)) {
			if notForTeachers(pkg, s) || c.known(s.text, used) {
				continue
			}
			for _, part := range pageParts(strings.ReplaceAll(s.text, "\n%s", "\n\n%s")) {
				if !c.known(part, used) && !c.knowsColumns(part, used) {
					t.Errorf("%s: not in fr/*.po: %q", s.where, part)
				}
			}
		}
	}
	for _, m := range messagesOf(t) {
		if !used[m.ID] && !m.Composed {
			t.Errorf("%s:%d: nothing says %q", m.file, m.Line, m.ID)
		}
	}
}

func frenchOf(t *testing.T) catalogue {
	t.Helper()
	c, err := readCatalogue(french, "fr")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// known tells whether a text of the source is said in the catalogue, whole or part by part, and notes by which entries.
func (c catalogue) known(text string, used map[string]bool) bool {
	_, text, _ = trimmed(text)
	if !hasWords(text) {
		return true
	}
	if _, found := c.byFormat[text]; found {
		used[text] = true
		return true
	}
	for _, e := range c.open {
		if args, found := e.english.match(text, nil); found && !slices.ContainsFunc(args, hasWords) {
			used[e.format] = true
			return true
		}
	}
	for _, seam := range []string{"\n", "; ", " → ", ": "} {
		if first, rest, found := strings.Cut(text, seam); found {
			return c.known(first, used) && c.known(rest, used)
		}
	}
	return false
}

// knowsColumns is known for a line of a help that is indented: names, and behind them what they are.
func (c catalogue) knowsColumns(line string, used map[string]bool) bool {
	all := columns.FindAllString(line, -1)
	if isProse(line) || len(all) == 0 {
		return false
	}
	if slices.Contains([]string{"docker compose -f FILE up -d", "# yaml-language-server: $schema=PATH"}, all[0]) {
		return true
	}
	return !slices.ContainsFunc(all, func(cell string) bool {
		return strings.Contains(cell, " ") && !strings.HasPrefix(cell, "MAILLAB_") && !c.known(cell, used)
	})
}

// hasWords tells whether something is said between the verbs.
func hasWords(format string) bool {
	if strings.HasPrefix(format, "{") && strings.HasSuffix(format, "}") {
		return false // JSON
	}
	rest := verbs.ReplaceAllString(strings.TrimPrefix(format, "maillab"), "")
	return strings.ContainsFunc(rest, unicode.IsLetter)
}

// stringsOf are the strings of a package's source that are words: that have a blank between letters, or stand where words
// do. What is put together with + is one, with %s for what is not in the source.
func stringsOf(t *testing.T, dir string) (all []said) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := token.NewFileSet()
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(files, filepath.Join(dir, e.Name()), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(node ast.Node) bool {
			return look(node, func(at token.Pos, text string) {
				all = append(all, said{text, files.Position(at).String()})
			})
		})
	}
	return all
}

// look tells what a node says, and whether to look into it.
func look(node ast.Node, say func(token.Pos, string)) bool {
	switch n := node.(type) {
	case *ast.ImportSpec, *ast.Field:
		return false
	case *ast.CallExpr:
		if silent.MatchString(nameOf(n.Fun)) {
			return false
		}
	case *ast.KeyValueExpr:
		if silent.MatchString(nameOf(n.Key)) {
			return false
		}
		if nameOf(n.Key) == "Use" { // of a usage line, what stands for something
			for _, placeholder := range regexp.MustCompile(`\b[A-Z]{2,}\b`).FindAllString(flat(n.Value), -1) {
				say(n.Value.Pos(), placeholder)
			}
			return false
		}
		if nameOf(n.Key) == "Header" {
			sayNames(n.Value, say)
		}
	case *ast.AssignStmt:
		if nameOf(n.Lhs[0]) == "header" {
			sayNames(n.Rhs[0], say)
		}
	case *ast.ReturnStmt:
		if len(n.Results) == 2 && nameOf(n.Results[1]) == "rows" { // a table's header
			sayNames(n.Results[0], say)
		}
	case *ast.BinaryExpr, *ast.BasicLit:
		text := flat(n.(ast.Expr))
		if words.MatchString(verbs.ReplaceAllString(text, "%")) {
			say(n.Pos(), text)
		}
		_, sum := node.(*ast.BinaryExpr)
		return sum && text == "%s"
	}
	return true
}

// sayNames says the names of a table's columns.
func sayNames(list ast.Expr, say func(token.Pos, string)) {
	if names, ok := list.(*ast.CompositeLit); ok {
		for _, name := range names.Elts {
			say(name.Pos(), flat(name))
		}
	}
}

var words = regexp.MustCompile(`\pL.* |\s.*\pL`)

// nameOf is what a function or a key is called.
func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		if of, ok := e.X.(*ast.Ident); ok {
			return of.Name + "." + e.Sel.Name
		}
		return e.Sel.Name
	}
	return ""
}

// flat is an expression as a format.
func flat(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(e.Value); err == nil && e.Kind == token.STRING {
			return text
		}
	case *ast.BinaryExpr:
		if left, right := flat(e.X), flat(e.Y); e.Op == token.ADD && left+right != "%s%s" {
			return left + right
		}
	}
	return "%s"
}
