package fault

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestParse: a fault as a command line has it, what is wrong with one, and how that is mended.
func TestParse(t *testing.T) {
	for line, want := range map[string]any{
		"smtp error command=rcpt code=451 times=2":          Fault{Service: "smtp", Type: "error", Command: "rcpt", Code: 451, Times: 2},
		"smtp error command=mail probability=50%":           Fault{Service: "smtp", Type: "error", Command: "mail", Probability: 50},
		"pop3 error command=login":                          Fault{Service: "pop3", Type: "error", Command: "login"},
		"smtp greylist":                                     Fault{Service: "smtp", Type: "greylist"},
		"imap latency latency=2s jitter=500ms toxicity=0.5": Fault{Service: "imap", Type: "latency", Latency: Length(2 * time.Second), Jitter: Length(time.Second / 2), Toxicity: 0.5},
		"smtp bandwidth rate=1KiB":                          Fault{Service: "smtp", Type: "bandwidth", Rate: 1024},
		"smtp limit_data bytes=512 command=data":            Fault{Service: "smtp", Type: "limit_data", Bytes: 512, Command: "data"},
		"dns mx host=mx.nowhere.lab domain=bob.lab":         Fault{Service: "dns", Type: "mx", Host: "mx.nowhere.lab", Domain: "bob.lab"},
		"mailbox full times=1":                              Fault{Service: "mailbox", Type: "full", Times: 1},
		"tls expired":                                       Fault{Service: "tls", Type: "expired"},
		"":                                                  `no service is called "" (smtp, pop3, imap, dns, mailbox, tls)`,
		"smpt":                                              `no service is called "smpt" (did you mean smtp?)`,
		"smtp":                                              "which fault of smtp? error, greylist, latency, bandwidth, slow_close, timeout, reset_peer, limit_data",
		"smtp latenci latency=2s":                           `smtp has no fault "latenci" (did you mean latency?)`,
		"pop3 greylist":                                     `pop3 has no fault "greylist" (error, latency, bandwidth, slow_close, timeout, reset_peer, limit_data)`,
		"smtp latency":                                      "latency needs the key latency (smtp latency latency=2s jitter=500ms)",
		"smtp latency 2s":                                   `"2s" is not KEY=VALUE, such as smtp latency latency=2s jitter=500ms`,
		"smtp latency latency=2 parsecs":                    `latency: "2" is no length of time such as 2s or 300ms, an hour at most`,
		"smtp latency latency=2h":                           `latency: "2h" is no length of time such as 2s or 300ms, an hour at most`,
		"smtp latency latency=1s jitter=2s":                 "a jitter of 2s is more than the latency (at most 1s)",
		"smtp latency latency=1s code=451":                  "latency has no key code (take it out)",
		"smtp latency latency=1s toxicty=0.5":               `smtp latency has no key "toxicty" (did you mean toxicity?)`,
		"smtp error command=rcpt code=250":                  "250 is no code of a refusal (451, 550 …)",
		"smtp error command=rcpt code=9999":                 "code=9999: a whole number from 1 to 599",
		"smtp error command=rcpt probability=0":             "probability=0: a whole number from 1 to 100",
		"smtp error command=quit":                           `smtp error has no command "quit" (connect, helo, auth, mail, rcpt, data, message)`,
		"pop3 error command=login code=451":                 "pop3 has its own words: neither code nor text (take it out)",
		"smtp latency latency=1s toxicity=2":                "toxicity=2: a share such as 0.5",
		"smtp bandwidth rate=fast":                          `rate: "fast" is no number of octets such as 512 or 4KiB`,
		"dns latency latency=1m":                            "who asks a name server does not wait so long: 1m (10s)",
		"dns mx host=me@here":                               `"me@here" is no name of a host or domain (mx.nowhere.lab)`,
		"smtp error command=rcpt text=\u00e9":               "\"\u00e9\" cannot be a reply (one line of ASCII)",
	} {
		f, err := Parse(strings.Fields(line))
		if text, wrong := want.(string); wrong {
			if err == nil || err.Error() != text {
				t.Errorf("%q: %v, want %s", line, err, text)
			}
			continue
		}
		if err != nil || f != want {
			t.Errorf("%q: %+v, %v", line, f, err)
			continue
		}
		again, err := Parse(strings.Fields(f.String()))
		if err != nil || again != f {
			t.Errorf("%q is written as %q: %v", line, f, err)
		}
		text, err := json.Marshal(f)
		var read Fault
		if err != nil || json.Unmarshal(text, &read) != nil || read != f {
			t.Errorf("%q as JSON: %s, %v", line, text, err)
		}
	}
}

// TestExamples: what is told as an example is one.
func TestExamples(t *testing.T) {
	for _, service := range Services() {
		for _, kind := range TypesOf(service) {
			example := Example(service, kind)
			if kind == "error" && service != "smtp" || kind == "limit_data" && service != "smtp" {
				continue // their keys are smtp's
			}
			if kind == "latency" && service == "dns" {
				example = "dns latency latency=2s"
			}
			if _, err := Parse(strings.Fields(example)); err != nil {
				t.Errorf("%s: %v", example, err)
			}
		}
	}
}

// keeper is one with a clock that stands still.
func keeper(t *testing.T, file, student string, faults ...Fault) (*Keeper, *time.Time) {
	t.Helper()
	now := time.Date(2026, 3, 26, 12, 0, 0, 0, time.UTC)
	k, err := Open(Config{File: file, Seed: student, Lab: faults, Now: func() time.Time { return now }, Failed: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	return k, &now
}

// strikes draws so often, and writes what came of it as a row of 1 and 0.
func strikes(k *Keeper, service string, times int) string {
	var row strings.Builder
	for range times {
		row.WriteString(map[bool]string{true: "1", false: "0"}[len(k.Strike(func(f Fault) bool { return f.Service == service })) > 0])
	}
	return row.String()
}

// TestTheSameAgain: the same student has the same faults in the same order, also after a restart in the middle and after a reset;
// another one has others.
func TestTheSameAgain(t *testing.T) {
	half := Fault{Service: "smtp", Type: "error", Command: "rcpt", Probability: 50}
	file := filepath.Join(t.TempDir(), "faults.json")
	first, _ := keeper(t, file, "alice", half)
	begin := strikes(first, "smtp", 20)
	again, _ := keeper(t, file, "alice", half)
	row := begin + strikes(again, "smtp", 44)
	fresh, _ := keeper(t, filepath.Join(t.TempDir(), "f"), "alice", half)
	if other := strikes(fresh, "smtp", 64); other != row {
		t.Errorf("%s, and elsewhere %s", row, other)
	}
	if err := again.StartAgain(); err != nil {
		t.Fatal(err)
	}
	if other := strikes(again, "smtp", 64); other != row {
		t.Errorf("%s, and after a reset %s", row, other)
	}
	bob, _ := keeper(t, filepath.Join(t.TempDir(), "f"), "bob", half)
	if other := strikes(bob, "smtp", 64); other == row {
		t.Errorf("bob has what alice has: %s", row)
	}
	if n := strings.Count(row, "1"); n < 16 || n > 48 {
		t.Errorf("%d of 64 with a probability of a half", n)
	}
}

// TestTimes: one that strikes so many times has struck then, also over a restart; put in force again, it begins anew.
func TestTimes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "faults.json")
	k, _ := keeper(t, file, "alice")
	twice := Fault{Service: "mailbox", Type: "full", Times: 2}
	if err := k.Change(false, nil, []Fault{twice}); err != nil {
		t.Fatal(err)
	}
	row := strikes(k, "mailbox", 1)
	k, _ = keeper(t, file, "alice")
	if row += strikes(k, "mailbox", 3); row != "1100" {
		t.Error(row)
	}
	if err := k.Change(false, nil, []Fault{twice}); err != nil {
		t.Fatal(err)
	}
	if row := strikes(k, "mailbox", 3); row != "110" {
		t.Error(row)
	}
	if diff := cmp.Diff([]InForce{{twice, ByTeacher, 2}}, k.InForce()); diff != "" {
		t.Error(diff)
	}
}

// TestChange: the teacher's go by service or all; the lab's stay, and a reset leaves nothing but those.
func TestChange(t *testing.T) {
	lab := Fault{Service: "smtp", Type: "greylist"}
	k, _ := keeper(t, filepath.Join(t.TempDir(), "f"), "alice", lab)
	slow, full := Fault{Service: "dns", Type: "latency", Latency: Length(time.Second)}, Fault{Service: "mailbox", Type: "full"}
	are := func(what string, want ...Fault) {
		t.Helper()
		var got []Fault
		for _, f := range k.InForce() {
			got = append(got, f.Fault)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	change := func(clear bool, services []string, add ...Fault) {
		t.Helper()
		if err := k.Change(clear, services, add); err != nil {
			t.Fatal(err)
		}
	}
	change(false, nil, slow)
	change(false, nil, full)
	are("two", slow, full, lab)
	change(true, []string{"dns", "pop3"})
	are("without dns", full, lab)
	change(true, nil)
	are("without all", lab)
	change(false, nil, slow)
	if err := k.StartAgain(); err != nil {
		t.Fatal(err)
	}
	are("after a reset", lab)
	if err := k.Change(false, nil, []Fault{{Service: "dns", Type: "full"}}); err == nil {
		t.Error("a fault that there is not is put in force")
	}
}

// TestForgotten: of a fault that is taken out of force nothing is left, so that it is the first time again when it comes back.
func TestForgotten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "faults.json")
	k, _ := keeper(t, file, "alice")
	late := Fault{Service: "smtp", Type: "latency", Latency: Length(time.Second), Jitter: Length(time.Second), Toxicity: 0.5}
	var rows []string
	for range 2 {
		if err := k.Change(false, nil, []Fault{late}); err != nil {
			t.Fatal(err)
		}
		row := strikes(k, "smtp", 10)
		for range 3 {
			row += fmt.Sprintf(" %.3f", k.Jitter(late))
		}
		rows = append(rows, row)
	}
	if rows[0] != rows[1] {
		t.Errorf("%s, and put in force once more %s", rows[0], rows[1])
	}
	if err := k.Change(true, nil, nil); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "{}" {
		t.Errorf("what is remembered of no fault: %s, %v", text, err)
	}
}

// TestTasks: a task's faults are there while the student is at it, and the same in two tasks is two.
func TestTasks(t *testing.T) {
	k, _ := keeper(t, filepath.Join(t.TempDir(), "f"), "alice")
	once := Fault{Service: "smtp", Type: "error", Command: "rcpt", Times: 1}
	at := ""
	k.cfg.Tasks = func() []Task {
		if at == "" {
			return nil
		}
		return []Task{{at, []Fault{once}}}
	}
	row := strikes(k, "smtp", 1)
	for _, at = range []string{"one", "two", "one", ""} {
		row += " " + strikes(k, "smtp", 2)
	}
	if row != "0 10 10 00 00" {
		t.Error(row)
	}
}

// TestGrey: who is unknown is sent away until the time is over, and is known then; another sender is another.
func TestGrey(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f")
	grey := Fault{Service: "smtp", Type: "greylist", Delay: Length(30 * time.Second)}
	k, now := keeper(t, file, "alice", grey)
	asks := func(sender string, want time.Duration) {
		t.Helper()
		if wait, is := k.Grey("198.18.0.2", sender, "alice@alice.lab"); wait != want || is != (want > 0) {
			t.Errorf("%s at %s waits %s, want %s", sender, now.Format(time.TimeOnly), wait, want)
		}
	}
	asks("bob@bob.lab", 30*time.Second)
	*now = now.Add(10 * time.Second)
	asks("Bob@bob.lab", 20*time.Second)
	asks("carol@bob.lab", 30*time.Second)
	then := *now
	k, now = keeper(t, file, "alice", grey)
	*now = then.Add(20 * time.Second)
	asks("bob@bob.lab", 0)
	asks("carol@bob.lab", 10*time.Second)
}

// TestCannotBeKept: what the disk does not take is in force all the same, and told.
func TestCannotBeKept(t *testing.T) {
	var told error
	once := Fault{Service: "mailbox", Type: "full", Times: 1}
	k, err := Open(Config{File: filepath.Join(t.TempDir(), "not", "there"), Lab: []Fault{once}, Now: time.Now, Failed: func(err error) { told = err }})
	if err != nil {
		t.Fatal(err)
	}
	if row := strikes(k, "mailbox", 2); row != "10" || told == nil {
		t.Errorf("%s, %v", row, told)
	}
	if err := k.Change(false, nil, []Fault{once}); err == nil {
		t.Error("what is not kept is said to be in force")
	}
	if errors.Is(told, ErrBroken) {
		t.Error(told)
	}
}

// FuzzParse: whatever is typed is a fault or an error, and a fault is read again as it is written.
func FuzzParse(f *testing.F) {
	f.Add("smtp error command=rcpt code=451")
	f.Add("dns latency latency=2s jitter=1s toxicity=0.25")
	f.Fuzz(func(t *testing.T, line string) {
		one, err := Parse(strings.Fields(line))
		if err != nil {
			return
		}
		if again, err := Parse(strings.Fields(one.String())); err != nil || again != one {
			t.Errorf("%q is written as %q: %+v, %v", line, one, again, err)
		}
	})
}
