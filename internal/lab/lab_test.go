package lab

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"maillab/internal/lab/task"
	"maillab/internal/roster"
	"maillab/internal/spec"
)

// least is the least that is a lab, with more lines.
func least(more string) fstest.MapFS {
	text := "apiVersion: maillab/v1\nname: t\ntitle: T\nhostname: h\ndomain: d.fr\nservices: {smtp: }\n" + more
	return fstest.MapFS{"labs/t/lab.yaml": {Data: []byte(text)}}
}

func parse(t *testing.T, files fstest.MapFS) *Lab {
	t.Helper()
	l, err := Parse(files, "labs/t/lab.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestDefaults: what is left out has the contract's values, and what is off is off.
func TestDefaults(t *testing.T) {
	l := parse(t, least("accounts: [{name: util, password: x}]\noutside: [{domain: '*'}]\n"))
	want := &Lab{
		APIVersion: "maillab/v1", Name: "t", Title: task.Text{"fr": "T", "en": "T"}, Lang: "en", Topology: Isolated,
		Hostname: "h", Domain: "d.fr", Timezone: "UTC", TLS: "off", Accounts: []Account{{Name: "util", Password: "x"}},
		Services: Services{SMTP: &SMTP{Auth: "none", Relay: "reject", Banner: "ESMTP maillab", BareLF: "accept"}},
		Outside:  []Outside{{Domain: "*", MX: "mx.{domain}", Address: "192.0.2.25"}},
		Limits:   Limits{Memory: 96 << 20, CPUs: 0.5, PIDs: 768, Processes: 32, Spool: 64 << 20},
		Publish:  Publish{Mode: "ports", Listen: "127.0.0.1", Base: 10000, Pool: "127.0.10.0/24"},
	}
	if diff := cmp.Diff(want, l, cmpopts.IgnoreUnexported(Lab{})); diff != "" {
		t.Error(diff)
	}
}

// TestEveryDefaultIsPermitted goes over all types of the format: a default that its own rules refuse would be a lie.
func TestEveryDefaultIsPermitted(t *testing.T) {
	seen := map[reflect.Type]bool{}
	var visit func(reflect.Type)
	visit = func(typ reflect.Type) {
		for slices.Contains([]reflect.Kind{reflect.Pointer, reflect.Slice, reflect.Map}, typ.Kind()) {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct || seen[typ] || isScalar(reflect.New(typ).Elem()) {
			return
		}
		seen[typ] = true
		fields, indexes := fieldsOf(typ)
		for i, r := range fields {
			field := typ.Field(indexes[i])
			if r.fallback != "" {
				d := &document{lines: map[string]int{}, bad: map[string]bool{}}
				v := reflect.New(field.Type).Elem()
				d.setDefault(v, r)
				if d.judge(v, r.fallback, r.name, r); len(d.problems) > 0 {
					t.Errorf("%s.%s: %v", typ, field.Name, d.problems)
				}
			}
			visit(field.Type)
		}
	}
	visit(reflect.TypeFor[Lab]())
	if len(seen) < 20 {
		t.Errorf("only %d types seen", len(seen))
	}
}

func TestScaled(t *testing.T) {
	l := parse(t, least("accounts: [{name: util, password: x}]\nlimits: {memory: 10MiB, cpus: 0.25, pids: 100, processes: 7, spool: 1MB}\n"))
	if got := l.Scaled(30); got != l.Limits {
		t.Errorf("isolated: %+v", got)
	}
	l.Topology = Shared
	want := Limits{Memory: 300 << 20, CPUs: 7.5, PIDs: 3000, Processes: 7, Spool: 30_000_000}
	if got := l.Scaled(30); got != want {
		t.Errorf("shared: %+v", got)
	}
}

func TestSizeAndRange(t *testing.T) {
	for text, want := range map[string]Size{
		"96MiB": 96 << 20, "1.5KiB": 1536, "2GiB": 2 << 30, "10kB": 10_000, "10MB": 10_000_000, "1GB": 1_000_000_000, "12 B": 12, "4096": 4096,
		"": 0, "0": 0, "-1": 0, "MiB": 0, "1TiB": 0, "96Mo": 0, "NaN": 0, "Inf": 0, "9e99": 0, "0.1B": 0, "1e400GiB": 0,
	} {
		var s Size
		if err := s.UnmarshalText([]byte(text)); (err == nil) != (want > 0) || s != want {
			t.Errorf("size %q: %d, %v", text, s, err)
		}
	}
	for size, want := range map[Size]string{96 << 20: "96MiB", 1536: "1536", 3 << 10: "3KiB", 4 << 30: "4GiB"} {
		if got, _ := size.MarshalText(); string(got) != want {
			t.Errorf("size %d is written %s", size, got)
		}
	}
	for text, want := range map[string]Range{
		"1-19": {1, 19}, "7": {7, 7}, " 2 - 3 ": {2, 3}, "": {}, "0": {}, "0-3": {}, "3-1": {}, "-3": {}, "1-": {}, "a-b": {}, "1-2-3": {}, "1-99999": {},
	} {
		var r Range
		if err := r.UnmarshalText([]byte(text)); (err == nil) != !want.empty() || r != want {
			t.Errorf("range %q: %v, %v", text, r, err)
		}
	}
}

func TestLogin(t *testing.T) {
	s := spec.Sandbox{Accounts: []spec.Account{{Name: "x"}, {Name: "util1", Student: "a"}, {Name: "util2", Student: "b"}, {Name: "util11", Student: "a"}}}
	if a, ok := Login(s, "a"); !ok || a.Name != "util1" {
		t.Errorf("a: %+v", a)
	}
	if _, ok := Login(s, "c"); ok {
		t.Error("c is nobody")
	}
}

// TestSeatsDecide: an account keeps its place, and so its uid, whoever comes and goes on a shared server.
func TestSeatsDecide(t *testing.T) {
	l := parse(t, least("topology: shared\naccounts: [{name: 'util{n}', n: 1-12, password: x}]\nassign: ['util{seat}', 'util1{seat}']\n"))
	names := func(keys ...string) []string {
		var class roster.Class
		for _, k := range keys {
			class.Students = append(class.Students, roster.Student{Key: k})
		}
		sandboxes, err := Compile(l, class, map[string]int{"a": 1, "b": 2}, "i", nil)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, a := range sandboxes[0].Accounts {
			out = append(out, a.Name)
		}
		return out
	}
	both := names("a", "b")
	for _, fewer := range [][]string{names("a"), names("b"), names("b", "a")} {
		if diff := cmp.Diff(both, fewer); diff != "" {
			t.Error(diff)
		}
	}
	if both[0] != "util1" || both[1] != "util11" || both[2] != "util2" || len(both) != 12 {
		t.Error(both)
	}
}

// TestCompileRefuses what its caller should not have handed in.
func TestCompileRefuses(t *testing.T) {
	l := parse(t, least("accounts: [{name: util, password: generate}]\n"))
	for name, c := range map[string]struct {
		seats map[string]int
		want  string
	}{
		"no seat":   {map[string]int{"student01": 1}, "student student02 has no seat"},
		"one seat":  {map[string]int{"student01": 4, "student02": 4}, "students student01 and student02 both have seat 4"},
		"no secret": {map[string]int{"student01": 1, "student02": 2}, "no secret to generate passwords from"},
	} {
		_, err := Compile(l, roster.Count(2), c.seats, "i", nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Compile(l, roster.Class{}, nil, "i", testSecrets); err == nil {
		t.Error("an empty class compiles")
	}
}

func TestDerived(t *testing.T) {
	a, b := Derived([]byte("one class")), Derived([]byte("another"))
	keys := []string{"password/1/util1", "password/1/util2", "password/11/util1", "token/alice/lire", "token/alice/"}
	seen := map[string]bool{}
	for _, key := range keys {
		for _, text := range []string{a(key), b(key)} {
			if len(text) != 11 || strings.Trim(text, "abcdefghjkmnpqrstuvwxyz23456789-") != "" {
				t.Errorf("%q", text)
			}
			seen[text] = true
		}
		if again := Derived([]byte("one class"))(key); again != a(key) {
			t.Errorf("%s changes: %s, %s", key, a(key), again)
		}
	}
	if len(seen) != 2*len(keys) {
		t.Errorf("some are equal: %v", slices.Sorted(maps.Keys(seen)))
	}
}

// FuzzParse: whatever the file, there is a lab or there are problems with places; and a lab compiles, or says why not.
func FuzzParse(f *testing.F) {
	for _, archive := range []string{"problems/everything", "problems/tasks", "problems/references", "problems/duplicates-and-aliases", "compile/isolated", "compile/shared", "compile/count"} {
		files, _ := sections(readText(f, "testdata/"+archive+".txtar"))
		f.Add(files["lab.yaml"].Data)
	}
	f.Add([]byte(readText(f, "testdata/contract/lab.yaml")))
	for _, text := range []string{"", "---\n", "{}", "[", "a: &a [*a]", "? {}\n: x", "tasks: [{check: {not: {not: }}}]", "!!binary x", "%YAML 9\n---\n", "\x00", "name: !!int x"} {
		f.Add([]byte(text))
	}
	message := &fstest.MapFile{Data: []byte("Subject: {student} {token}\n\nx\n")}
	f.Fuzz(func(t *testing.T, text []byte) {
		files := fstest.MapFS{"lab.yaml": {Data: text}, "m.eml": message, "mail/bienvenue.eml": message, "files/x": message}
		l, err := Parse(files, "lab.yaml")
		if err != nil {
			areProblems(t, err)
			return
		}
		for _, class := range []roster.Class{roster.Count(1), roster.Count(3)} {
			sandboxes, err := Compile(l, class, roster.Seat(nil, class).Given.Seats(), "fuzz", testSecrets)
			if err != nil {
				areProblems(t, err)
				continue
			}
			for _, s := range sandboxes {
				for _, a := range s.Accounts {
					if !isAccount(a.Name) || a.Password == "" {
						t.Fatalf("unsound account %+v", a)
					}
				}
				sheets, err := task.Sheets(s.Tasks)
				if err != nil || len(l.Tasks) > 0 && len(sheets) == 0 {
					t.Fatalf("tasks: %v", err)
				}
			}
		}
	})
}

func areProblems(t *testing.T, err error) {
	t.Helper()
	var problems Problems
	if !errors.As(err, &problems) || len(problems) == 0 {
		t.Fatalf("no problems, but %v", err)
	}
	for _, p := range problems {
		if p.File != "lab.yaml" || p.Message == "" || p.Line < 1 {
			t.Fatalf("no place: %#v", p)
		}
	}
}

// TestPassword: {password} is the first account's, a roster's column of that name counts first, and no account's password is
// made of itself.
func TestPassword(t *testing.T) {
	const tasks = "tasks: [{id: one, title: 'pass {password}', check: {manual: }}]\n"
	for name, c := range map[string]struct{ accounts, class, want string }{
		"written":     {"accounts: [{name: 'u{n}', n: 1-2, password: abc}]\n", "name\nalice\n", "pass abc"},
		"generated":   {"accounts: [{name: util, password: generate}]\n", "name\nalice\n", "pass <password"},
		"of a column": {"accounts: [{name: util, password: '{pin}'}]\n", "name,pin\nalice,77\n", "pass 77"},
		"a column":    {"accounts: [{name: util, password: '{password}'}]\n", "name,password\nalice,88\n", "pass 88"},
		"of nothing":  {"accounts: [{name: util, password: '{password}'}]\n", "name\nalice\n", `no column "password", which the lab's accounts are made of; the columns are name`},
	} {
		class, _, err := roster.Read("class.csv", strings.NewReader(c.class), roster.Options{})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		sandboxes, err := Compile(parse(t, least(c.accounts+tasks)), class, roster.Seat(nil, class).Given.Seats(), "t", testSecrets)
		if err != nil {
			got = err.Error()
		} else {
			got = string(sandboxes[0].Tasks)
		}
		if !strings.Contains(strings.ReplaceAll(got, `\u003c`, "<"), c.want) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
