package snapshot

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/progress"
)

// archived is an archive whose students' work is this.
func archived(t *testing.T, work string) []byte {
	t.Helper()
	var out bytes.Buffer
	if _, err := Write(&out, Manifest{}, bytes.NewReader(stream(t, map[string]string{workEntry: work, "inbox": ""}))); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestTurns: what stands otherwise is told by student and task, and read alike out of an archive and out of its beginning.
func TestTurns(t *testing.T) {
	before := archived(t, `{"alice":[{"epoch":1,"passed":{"old":{}}},{"epoch":2,"passed":{"lost":{},"kept":{}},"states":{"again":"failed"}}]}`)
	after := archived(t, `{"alice":[{"epoch":3,"passed":{"kept":{},"again":{}},"marks":{"essay":{"share":0.4}}}],"bruno":[{"epoch":1,"passed":{"new":{}}}]}`)
	var work [2]map[string]progress.History
	for n, archive := range [][]byte{before, after} {
		content, err := Archived(bytes.NewReader(archive))
		if err != nil {
			t.Fatal(err)
		}
		if work[n], err = Work(bytes.NewReader(archive)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(content.Work, work[n]); diff != "" || len(work[n]) == 0 {
			t.Error(diff)
		}
	}
	var got []string
	for _, turn := range Turns(work[0], work[1]) {
		got = append(got, fmt.Sprintf("%s %s %s>%s", turn.Student, turn.Task, turn.Before, turn.After))
	}
	if diff := cmp.Diff([]string{"alice again failed>passed", "alice essay >failed", "alice lost passed>", "bruno new >passed"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestNoWork: an archive without tasks has nothing to tell, and one whose work is none says so.
func TestNoWork(t *testing.T) {
	var plain bytes.Buffer
	if _, err := Write(&plain, Manifest{}, bytes.NewReader(stream(t, map[string]string{"inbox": ""}))); err != nil {
		t.Fatal(err)
	}
	if work, err := Work(&plain); err != nil || len(work) > 0 {
		t.Errorf("%v, %v", work, err)
	}
	for _, text := range []string{"no json", `{"alice":[{"marks":{"it":{"share":5}}}]}`, strings.Repeat("[", 100)} {
		if _, err := Work(bytes.NewReader(archived(t, text))); !errors.Is(err, ErrDamaged) {
			t.Errorf("%.40s: %v", text, err)
		}
	}
}
