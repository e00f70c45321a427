package lab

import (
	"strings"
	"testing"
	"testing/fstest"

	"maillab/internal/lab/task"
)

// timedLab is a lab with these lines, and one task with those.
func timedLab(top, inTask string) (*Lab, error) {
	text := "apiVersion: maillab/v1\nname: x\ntitle: x\nhostname: mx\ndomain: test\ntimezone: Europe/Paris\n" + top +
		"accounts: [{name: util1, password: p}]\nassign: [util1]\nservices: {smtp: {}}\ntasks:\n  - {id: one, title: One, " + inTask + "check: {manual: {}}}\n"
	return Parse(fstest.MapFS{"lab.yaml": {Data: []byte(text)}}, "lab.yaml")
}

// TestTimes: a task has the lab's times where it has none of its own, and they are told with the lab's offset.
func TestTimes(t *testing.T) {
	l, err := timedLab("open: 2026-03-26 14:00\ndue: \"2026-03-29\"\nlate: {accept: 2d, worth: 0.5}\n", "")
	if err != nil {
		t.Fatal(err)
	}
	if got := l.inZone(l.Tasks[0]); got.Open != "2026-03-26T14:00:00+01:00" || got.Due != "2026-03-30T00:00:00+02:00" || *got.Late != (task.Late{Accept: "2d", Worth: 0.5}) {
		t.Errorf("%+v", got)
	}
	l, err = timedLab("due: \"2026-03-29\"\n", "due: 2026-04-02 12:00, late: {accept: 1d}, ")
	if err != nil {
		t.Fatal(err)
	}
	if got := l.inZone(l.Tasks[0]); got.Open != "" || got.Due != "2026-04-02T12:00:00+02:00" || got.Late.Worth != 1 {
		t.Errorf("%+v", got)
	}
}

// TestNoTimes: times that cannot be are told with their line.
func TestNoTimes(t *testing.T) {
	for want, lines := range map[string][2]string{
		`"tomorrow" is no time such as 2026-03-26 14:00`: {"due: tomorrow\n", ""},
		"it is due 2026-03-25, before it opens":          {"open: 2026-03-26 14:00\ndue: \"2026-03-25\"\n", ""},
		"it is due 2026-03-24, before it opens":          {"open: 2026-03-26 14:00\n", "due: \"2026-03-24\", "},
		`task "one" is never due`:                        {"", "late: {worth: 0.5}, "},
		`"soon" is no length of time`:                    {"due: \"2026-03-25\"\nlate: {accept: soon}\n", ""},
	} {
		if _, err := timedLab(lines[0], lines[1]); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "lab.yaml:") {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
