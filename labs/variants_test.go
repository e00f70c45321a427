package labs_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"maillab/internal/lab/task"
	"maillab/internal/progress"
	"maillab/labs"
)

// enough is how many right and how many wrong answers each table has at least; of what is done, not said, so many in all.
const enough = 8

// table are the ways to do a task, right ones and wrong ones; each is a list of steps, see world.
type table struct{ Right, Wrong [][]string }

// TestVariants plays each task's table: what students do who understood, in whatever form, passes; what they do who did not
// does not. The tables of answers that are compared with a pattern are in the labs, where validate plays them, too.
func TestVariants(t *testing.T) {
	names, err := labs.List()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join("testdata", "variants", name+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		var tables map[string]table
		if err := yaml.Unmarshal(text, &tables); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		_, sandboxes := compile(t, name)
		sheets, err := task.Sheets(sandboxes[0].Tasks)
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range sheets[0].Tasks {
			played := tables[one.ID]
			delete(tables, one.ID)
			if len(played.Right)+len(played.Wrong) < enough || len(played.Right) == 0 || len(played.Wrong) == 0 {
				if !answersOnly(&one.Check) {
					t.Errorf("%s, %s: %d right and %d wrong ways are too few", name, one.ID, len(played.Right), len(played.Wrong))
				}
			}
			for want, ways := range map[bool][][]string{true: played.Right, false: played.Wrong} {
				for _, steps := range ways {
					got := newWorld(t, sandboxes[0], sheets[0]).judge(one.ID, steps)
					if right := got.State == progress.Passed || got.State == progress.Manual; right != want {
						t.Errorf("%s, %s: %s\n\t%s\n\t%s", name, one.ID, got.State, strings.Join(steps, "\n\t"), got.Seen["fr"])
					}
				}
			}
		}
		for id := range tables {
			t.Errorf("%s has no task %s", name, id)
		}
	}
}

// TestBothReaders: who has read mail with webmail and with a mail program, and says what differs, has done Caen's third question; of
// everybody else's answer the teacher judges.
func TestBothReaders(t *testing.T) {
	_, sandboxes := compile(t, "caen-pop3-smtp")
	sheets, err := task.Sheets(sandboxes[0].Tasks)
	if err != nil {
		t.Fatal(err)
	}
	const (
		webmail = `imap/program 20901201: T1 LOGIN 20901201 x | T2 ID ("name" "maillab-webmail") | T3 SELECT INBOX | T4 UID FETCH 1 (UID FLAGS BODY[])`
		program = `pop3/program 20901201: USER 20901201 | PASS x | RETR 1 | QUIT`
		knows   = `answer: Le webmail lit sur le serveur, par le navigateur ; le logiciel relève le mail par POP3.`
		unsure  = `answer: Les deux montrent mes messages, et on peut y répondre.`
	)
	for want, ways := range map[progress.State][][]string{
		progress.Passed: {{webmail, program, knows}, {program, webmail, knows}},
		progress.Manual: {{knows}, {webmail, knows}, {program, knows}, {webmail, program, unsure},
			{strings.ReplaceAll(webmail, "20901201", "20901202"), program, knows},
			{strings.ReplaceAll(webmail, "maillab-webmail", "Thunderbird"), program, knows},
			{`imap/program 20901201: T1 LOGIN 20901201 x | T2 ID ("name" "maillab-webmail") | T3 SELECT INBOX`, program, knows},
			{webmail, strings.ReplaceAll(program, "/program", ""), knows}},
	} {
		for _, steps := range ways {
			if got := newWorld(t, sandboxes[0], sheets[0]).judge("q3-webmail", steps); got.State != want {
				t.Errorf("%s, want %s\n\t%s", got.State, want, strings.Join(steps, "\n\t"))
			}
		}
	}
}

// answersOnly says whether a task asks for nothing but an answer that is compared with a pattern: its table is in the lab.
func answersOnly(c *task.Check) bool {
	for _, part := range c.Walk("") {
		if part.All == nil && part.Manual == nil && (part.Answer == nil || part.Answer.Matches == "") {
			return false
		}
	}
	return true
}

// TestAnswerTables: each pattern that answers are compared with has a table that is long enough. That it holds is seen when a
// lab is read.
func TestAnswerTables(t *testing.T) {
	names, err := labs.List()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		l, _ := compile(t, name)
		for _, one := range l.Tasks {
			for _, part := range one.Check.Walk("") {
				if a := part.Answer; a != nil && a.Matches != "" && (len(a.Accepts) < enough || len(a.Refuses) < enough) {
					t.Errorf("%s, %s: %d answers are accepted and %d refused: too few", name, one.ID, len(a.Accepts), len(a.Refuses))
				}
			}
		}
	}
}

// base64Lines is a file as base64 writes it, in steps' form.
func base64Lines(data []byte) string {
	text := base64.StdEncoding.EncodeToString(data)
	var lines []string
	for len(text) > 76 {
		lines, text = append(lines, text[:76]), text[76:]
	}
	return strings.Join(append(lines, text), " | ")
}
