package deploy

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/engine"
	"maillab/internal/instance"
	"maillab/internal/lab"
	"maillab/internal/roster"
)

func noon() time.Time { return time.Date(2026, 3, 26, 12, 0, 0, 0, time.UTC) }

// aLab is a small one; with topology shared if it is told so.
func aLab(t *testing.T, more string) *lab.Lab {
	t.Helper()
	dir := t.TempDir()
	text := "apiVersion: maillab/v1\nname: small\ntitle: {en: Small, fr: Petit}\nlang: en\nhostname: mail\ndomain: local.example\n" +
		"accounts:\n  - {name: \"u{n}\", n: 1-3, password: secret}\nservices: {smtp: {}, pop3: {}, imap: {}, ssh: {}}\n" + more
	if err := os.WriteFile(dir+"/lab.yaml", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := lab.Parse(os.DirFS(dir), "lab.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func aClass(t *testing.T, names ...string) roster.Class {
	t.Helper()
	class, _, err := roster.Read("class.csv", strings.NewReader("name\n"+strings.Join(names, "\n")+"\n"), roster.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return class
}

func request(t *testing.T, students int) Request {
	return Request{Name: "monday", Lab: aLab(t, ""), Class: roster.Count(students), Source: "small"}
}

// found is an engine with a system on which nothing is, on a machine on which everything is free.
func found() Found {
	return Found{
		Can: engine.Capabilities{Name: "memory", System: true, Isolated: true, LowPorts: true}, Image: "maillab/sandbox:1", Now: noon(),
		Existing: instance.Instance{Name: "monday"}, Secrets: func(name string) string { return "word-" + name }, Token: func() string { return "token" }, Ephemeral: 32768,
		Try: func(string) error { return nil },
	}
}

// up is what is there when a decision was carried out.
func up(t *testing.T, r Request, f Found) Found {
	t.Helper()
	d, err := Decide(r, f)
	if err != nil {
		t.Fatal(err)
	}
	f.Existing = instance.Of(d.Desired.Resources)[0]
	f.All, f.Seats, f.Published = []instance.Instance{f.Existing}, d.Given, &d.Published
	for _, c := range f.Existing.Claims {
		f.InForce = append(f.InForce, c)
	}
	f.Try = func(listen string) error { return errors.New("somebody listens there") } // the gateway itself, as it seems
	return f
}

// TestDecide: a table of what is asked for, of what is there, and of what the first and the last seat's SMTP become.
func TestDecide(t *testing.T) {
	for _, test := range []struct {
		name    string
		there   int                 // students of the class that is up; 0: nothing is
		before  func(*Request)      // of the one that is up
		ask     func(*Request)      // of the new one
		given   func(*Found)        // otherwise
		want    []string            // doors of the first and last seat
		host    string              //
		kept    *instance.Published //
		wrong   string              // part of the error
		warning string
	}{
		{name: "nothing is there", want: []string{"127.0.0.1:10125", "127.0.0.1:10325"}, kept: &instance.Published{Blocks: []instance.Block{{Base: 10000, First: 1}}}},
		{name: "the same again", there: 3, want: []string{"127.0.0.1:10125", "127.0.0.1:10325"}},
		{name: "another base", ask: func(r *Request) { r.Base = 2000 }, want: []string{"127.0.0.1:2125", "127.0.0.1:2325"}},
		{name: "another base of one that is up", there: 3, ask: func(r *Request) { r.Base = 2000 }, want: nil,
			wrong: "seat 1: 127.0.0.1:2122 for ssh: somebody listens there"},
		{name: "another base, and it is free", there: 3, ask: func(r *Request) { r.Base = 2000 }, given: func(f *Found) { f.Try = nil },
			want: []string{"127.0.0.1:2125", "127.0.0.1:2325"}},
		{name: "everywhere: its own gateway is not in the way", there: 3, ask: func(r *Request) { r.Listen = "0.0.0.0" },
			want: []string{"0.0.0.0:10125", "0.0.0.0:10325"}, kept: &instance.Published{Listen: "0.0.0.0", Blocks: []instance.Block{{Base: 10000, First: 1}}},
			warning: "listening on 0.0.0.0"},
		{name: "remembered", there: 3, before: func(r *Request) { r.Listen = "0.0.0.0" }, want: []string{"0.0.0.0:10125", "0.0.0.0:10325"}, warning: "listening on"},
		{name: "and taken back", there: 3, before: func(r *Request) { r.Listen = "0.0.0.0" }, ask: func(r *Request) { r.Listen = "127.0.0.1" },
			want: []string{"127.0.0.1:10125", "127.0.0.1:10325"}},
		{name: "IPv6", there: 3, ask: func(r *Request) { r.Listen = "::" }, want: []string{"[::]:10125", "[::]:10325"}, warning: "listening on ::"},
		{name: "by addresses from now on", there: 3, ask: func(r *Request) { r.Lab = aLab(t, "publish: {mode: addresses, pool: 127.0.10.0/24}\n") },
			given: func(f *Found) { f.Try = nil }, want: []string{"127.0.10.1:25", "127.0.10.3:25"}},
		{name: "and by ports again", there: 3, before: func(r *Request) { r.Lab = aLab(t, "publish: {mode: addresses, pool: 127.0.10.0/24}\n") },
			given: func(f *Found) { f.Try = nil }, want: []string{"127.0.0.1:10125", "127.0.0.1:10325"}},
		{name: "not a host", ask: func(r *Request) { r.Host = " a b" }, wrong: `--host " a b": not a host name or an address`},
		{name: "a host that is an option", ask: func(r *Request) { r.Host = "-oProxyCommand=x" }, wrong: "not a host name"},
		{name: "not an address", ask: func(r *Request) { r.Listen = "everywhere" }, wrong: "--listen everywhere: not an IP address"},
		{name: "students are told another host", there: 3, ask: func(r *Request) { r.Host = "lab.example" }, host: "lab.example",
			want: []string{"127.0.0.1:10125", "127.0.0.1:10325"}, warning: "which only that machine reaches"},
		{name: "which is remembered", there: 3, before: func(r *Request) { r.Host = "lab.example" }, host: "lab.example",
			want: []string{"127.0.0.1:10125", "127.0.0.1:10325"}, warning: "which only that machine reaches"},
		{name: "until it is not", there: 3, before: func(r *Request) { r.Host = "lab.example" }, ask: func(r *Request) { r.Host = "-" }, want: []string{"127.0.0.1:10125", "127.0.0.1:10325"}},
		{name: "another lab", there: 3, ask: func(r *Request) { l := *r.Lab; l.Name = "other"; r.Lab = &l }, wrong: "is an instance of the lab small, not of other"},
		{name: "a class that nobody named, where another is up of which nothing is known", there: 3, before: func(r *Request) { r.Class = aClass(t, "zoe", "yann", "xena") },
			ask: func(r *Request) { r.Assumed = true }, given: func(f *Found) { f.Seats = nil }, wrong: "the class list of monday is not known on this machine, and xena is in it"},
		{name: "or is known", there: 3, before: func(r *Request) { r.Class = aClass(t, "zoe", "yann", "xena") }, ask: func(r *Request) { r.Assumed = true },
			given: func(f *Found) { f.Try = nil }, want: []string{"127.0.0.1:10425", "127.0.0.1:10625"}},
		{name: "or is the same", there: 3, ask: func(r *Request) { r.Assumed = true }, given: func(f *Found) { f.Seats = nil },
			want: []string{"127.0.0.1:10125", "127.0.0.1:10325"}},
		{name: "or named", there: 3, before: func(r *Request) { r.Class = aClass(t, "zoe", "yann", "xena") }, given: func(f *Found) { f.Seats, f.Try = nil, nil },
			want: []string{"127.0.0.1:10425", "127.0.0.1:10625"}},
		{name: "there must be none", there: 3, ask: func(r *Request) { r.New = true }, wrong: "is called monday already"},
		{name: "too many", ask: func(r *Request) { r.Class = roster.Count(300) }, wrong: "from 10000 on at most 226 fit: --base 2000 has room for all"},
		{name: "where they were last", given: func(f *Found) { f.Published = &instance.Published{Blocks: []instance.Block{{Base: 15000, First: 1}}} },
			want: []string{"127.0.0.1:15125", "127.0.0.1:15325"}},
		{name: "but for somebody who listens there", given: func(f *Found) {
			f.Published = &instance.Published{Blocks: []instance.Block{{Base: 15000, First: 1}}}
			f.Try = func(at string) error {
				if strings.HasPrefix(at, "127.0.0.1:151") {
					return errors.New("taken")
				}
				return nil
			}
		}, want: []string{"127.0.0.1:10125", "127.0.0.1:10325"}, warning: "the ports from 15000 on are not free any more"},
		{name: "what was refused is not tried again", given: func(f *Found) { f.Refused = map[int]bool{10000: true} }, want: []string{"127.0.0.1:11125", "127.0.0.1:11325"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, f := request(t, 3), found()
			if test.there > 0 {
				was := r
				if test.before != nil {
					test.before(&was)
				}
				f = up(t, was, f)
			}
			if test.ask != nil {
				test.ask(&r)
			}
			if test.given != nil {
				test.given(&f)
			}
			d, err := Decide(r, f)
			if test.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), test.wrong) || !errors.As(err, new(*RefusedError)) {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, target := range d.Desired.Doors.Sandboxes {
				got = append(got, target.Doors[1].Listen)
			}
			if !slices.Equal([]string{got[0], got[len(got)-1]}, test.want) || d.Host != test.host {
				t.Errorf("doors %v, host %q", got, d.Host)
			}
			if test.kept != nil {
				if diff := cmp.Diff(*test.kept, d.Published); diff != "" {
					t.Error(diff)
				}
			}
			if said := strings.Join(d.Warnings, "\n"); (said == "") != (test.warning == "") || !strings.Contains(said, test.warning) {
				t.Errorf("warnings: %s", said)
			}
		})
	}
}

// TestDecideTwice: deciding again what is there changes nothing, whenever it is done.
func TestDecideTwice(t *testing.T) {
	r, f := request(t, 5), found()
	r.TTL = time.Hour
	first, err := Decide(r, f)
	if err != nil {
		t.Fatal(err)
	}
	f = up(t, r, f)
	f.Now, r.TTL = noon().Add(10*time.Minute), 0
	again, err := Decide(r, f)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(text(t, first.Desired.Resources), text(t, again.Desired.Resources)); diff != "" {
		t.Error(diff)
	}
	f.Now = noon().Add(2 * time.Hour) // it has expired: who brings it up wants it
	if d, err := Decide(r, f); err != nil || d.Desired.Resources[1].Labels[engine.LabelExpires] != "" {
		t.Errorf("it lives until %v, %v", d.Desired.Resources[1].Labels, err)
	}
}

func text(t *testing.T, v any) string {
	t.Helper()
	out, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestOrderOfTheList: the same class list in another order changes nothing of what is there, on one server for all too.
func TestOrderOfTheList(t *testing.T) {
	for _, more := range []string{"", "topology: shared\nassign: [\"u{seat}\"]\n"} {
		r := request(t, 3)
		r.Lab = aLab(t, more)
		f := up(t, r, found())
		first, err := Decide(r, f)
		if err != nil {
			t.Fatal(err)
		}
		r.Class.Students = slices.Clone(r.Class.Students)
		slices.Reverse(r.Class.Students)
		second, err := Decide(r, f)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(first.Students, second.Students); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(first.Desired.Resources, second.Desired.Resources); diff != "" {
			t.Error(diff)
		}
	}
}

// TestNoPageOnSeveralNodes: a page whose container would have a network is refused, whoever asks for it.
func TestNoPageOnSeveralNodes(t *testing.T) {
	f, r := found(), request(t, 2)
	f.Can.Name, f.Can.Nodes = "swarm", true
	yes, no := true, false
	for asked, refused := range map[*bool]bool{nil: false, &no: false, &yes: true} {
		r.Web = asked
		if _, err := Decide(r, f); errors.As(err, new(*RefusedError)) != refused {
			t.Errorf("%v", err)
		}
	}
}

// TestUnfitEngine: where the containers' uids are not the machine's own, nothing is decided, and what mends it is said.
func TestUnfitEngine(t *testing.T) {
	f := found()
	f.Can.Missing, f.Can.Mend = "it is rootless: each seat's own uids do not exist", "use another daemon, or --engine embedded"
	d, err := Decide(request(t, 2), f)
	want := "engine memory cannot run sandboxes: it is rootless: each seat's own uids do not exist: use another daemon, or --engine embedded"
	if err == nil || err.Error() != want || !errors.As(err, new(*RefusedError)) || len(d.Desired.Resources) > 0 || d.Given != nil {
		t.Errorf("%v\n%+v", err, d)
	}
	f.Can.Mend = "" // what is only not there is no reason
	if _, err := Decide(request(t, 2), f); err != nil {
		t.Error(err)
	}
}

// TestSpamAssassinWhere: a class has a SpamAssassin where the lab wants one and the engine can have it without a network; elsewhere the rules on
// board judge, which is said. Found again, it keeps its token.
func TestSpamAssassinWhere(t *testing.T) {
	for _, test := range []struct {
		name string
		lab  string
		can  engine.Capabilities
		has  bool
	}{
		{"docker", "true", engine.Capabilities{System: true}, true},
		{"not wanted", "false", engine.Capabilities{System: true}, false},
		{"a swarm", "true", engine.Capabilities{System: true, Nodes: true}, false},
		{"embedded", "true", engine.Capabilities{}, false},
	} {
		r, f := request(t, 2), found()
		r.Lab.Services.SMTP.Filter = &lab.Filter{Style: "amavis", Tagged: 2, Required: 6.31, Bayes: "none", Spamd: test.lab == "true"}
		f.Can, f.Filter = test.can, func() string { return "maillab/filter:1" }
		f.Can.Name = test.name
		d, err := Decide(r, f)
		if err != nil {
			t.Fatal(test.name, err)
		}
		asks, told := d.Desired.Specs[1].Services.SMTP.Filter.Spamd, strings.Contains(strings.Join(d.Warnings, "\n"), "engine "+test.name+" runs no SpamAssassin")
		if asks != test.has || (d.Desired.Doors.Filter != nil) != test.has || told != (test.lab == "true" && !test.has) {
			t.Errorf("%s: servers ask %t, it is there %t, warnings %v", test.name, asks, d.Desired.Doors.Filter != nil, d.Warnings)
		}
		if !test.has {
			continue
		}
		f.Existing, f.Token = instance.Of(d.Desired.Resources)[0], func() string { return "another" }
		if again, err := Decide(r, f); err != nil || again.Desired.Doors.Filter.Token != d.Desired.Doors.Filter.Token {
			t.Errorf("%s: its token changes: %v", test.name, err)
		}
	}
}
