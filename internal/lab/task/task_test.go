package task

import (
	"encoding/json"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTextIn(t *testing.T) {
	for _, c := range []struct {
		text Text
		lang string
		want string
	}{
		{Text{"fr": "oui", "en": "yes"}, "en", "yes"},
		{Text{"fr": "oui", "en": "yes"}, "fr", "oui"},
		{Text{"fr": "oui", "en": "yes"}, "de", "oui"},
		{Text{"en": "yes"}, "fr", "yes"},
		{nil, "fr", ""},
	} {
		if got := c.text.In(c.lang); got != c.want {
			t.Errorf("%v in %s: %q", c.text, c.lang, got)
		}
	}
}

func TestCount(t *testing.T) {
	for text, c := range map[string]struct {
		want Count
		in   []int
		out  []int
	}{
		"3":   {Count{3, 3, true}, []int{3}, []int{2, 4}},
		"0":   {Count{0, 0, true}, []int{0}, []int{1}},
		"2-5": {Count{2, 5, true}, []int{2, 5}, []int{1, 6}},
		"1-":  {Count{1, -1, true}, []int{1, 1000}, []int{0}},
	} {
		var got Count
		if err := got.UnmarshalText([]byte(text)); err != nil || got != c.want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
		if back, _ := got.MarshalText(); string(back) != text {
			t.Errorf("%s is written %s", text, back)
		}
		for _, n := range c.in {
			if !got.Holds(n) {
				t.Errorf("%s does not hold %d", text, n)
			}
		}
		for _, n := range c.out {
			if got.Holds(n) {
				t.Errorf("%s holds %d", text, n)
			}
		}
	}
	for _, text := range []string{"", "-", "-3", "5-2", "x", "1-2-3", "1.5", "99999999"} {
		if err := new(Count).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is a count", text)
		}
	}
	if !(Count{}).Holds(7) {
		t.Error("no count refuses 7")
	}
}

func TestPattern(t *testing.T) {
	for _, good := range []string{"", "^rcpt to:.*{account}", "a{2}{{x}", `\b{messages}\b`, "(?i)é"} {
		if err := new(Pattern).UnmarshalText([]byte(good)); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"(", "[z-a]", "a{2}{3}", "(?=x)", `\`, "*"} {
		if err := new(Pattern).UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q compiles", bad)
		}
	}
	for text, want := range map[Pattern]int{"": 0, "a(b)c": 1, "(?:a)(b)(c)": 2, "(": 0} {
		if got := text.Groups(); got != want {
			t.Errorf("%q has %d groups", text, got)
		}
	}
}

// sampleTask has a placeholder at every depth.
func sampleTask() Task {
	exit := 0
	return Task{
		ID: "one", Title: Text{"fr": "À {who}"}, Needs: []string{"{who}"},
		Check: Check{All: []Check{
			{Mail: &Mail{To: "{who}", From: "^{who}$", Header: map[string]Pattern{"X-{who}": "{who}{2}"}, Attachment: &Attachment{Same: "/home/{who}/x"}}},
			{Not: &Check{Dialogue: &Dialogue{Service: "smtp", Commands: []Pattern{"{who}"}}}},
			{Run: &Run{Script: "{who}.sh", Exit: &exit, Files: map[string]string{"{who}": "{who}"}, Server: &Server{Port: "{who}"},
				After: &Check{Mailbox: &Mailbox{Of: "{who}", Messages: Count{1, -1, true}}}}},
		}},
	}
}

func TestExpand(t *testing.T) {
	exit := 0
	want := Task{
		ID: "one", Title: Text{"fr": "À a.b"}, Needs: []string{"a.b"},
		Check: Check{All: []Check{
			{Mail: &Mail{To: "a.b", From: `^a\.b$`, Header: map[string]Pattern{"X-a.b": `a\.b{2}`}, Attachment: &Attachment{Same: "/home/a.b/x"}}},
			{Not: &Check{Dialogue: &Dialogue{Service: "smtp", Commands: []Pattern{`a\.b`}}}},
			{Run: &Run{Script: "a.b.sh", Exit: &exit, Files: map[string]string{"a.b": "a.b"}, Server: &Server{Port: "a.b"},
				After: &Check{Mailbox: &Mailbox{Of: "a.b", Messages: Count{1, -1, true}}}}},
		}},
	}
	task := sampleTask()
	got := Expand(task, func(name string) (string, bool) { return "a.b", name == "who" })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(sampleTask(), task); diff != "" {
		t.Error("the original was changed:", diff)
	}
}

// TestSheets: what is sent is what is read; that patterns compile is looked at where a lab is read, and where they are used.
func TestSheets(t *testing.T) {
	want := []Sheet{{Student: "alice", Accounts: []string{"util1"}, Tasks: []Task{sampleTask()}}}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Sheets(text)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if got, err := Sheets(nil); got != nil || err != nil {
		t.Error(got, err)
	}
	bad := regexp.MustCompile(`\^\{who\}\$`).ReplaceAll(text, []byte("("))
	if _, err := Sheets(bad); err != nil {
		t.Error("patterns are compiled where a spec is read: ", err)
	}
}

func TestWalk(t *testing.T) {
	task := sampleTask()
	var paths []string
	for path, c := range task.Check.Walk("check") {
		for key, name := range c.Accounts() {
			path += " " + key + "=" + name
		}
		paths = append(paths, path)
	}
	want := []string{
		"check", "check.all[0] mail.to={who}", "check.all[1]", "check.all[1].not",
		"check.all[2]", "check.all[2].run.after mailbox.of={who}",
	}
	if diff := cmp.Diff(want, paths); diff != "" {
		t.Error(diff)
	}
	for range task.Check.Walk("check") {
		break // stopping early must not panic
	}
	if diff := cmp.Diff([]string{"all"}, task.Check.Kinds()); diff != "" {
		t.Error(diff)
	}
}
