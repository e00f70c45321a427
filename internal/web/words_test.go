package web

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"maillab/internal/progress"
	"maillab/internal/worksheet"
)

// TestWords: every word that is asked for is there, in both languages with the same places to fill in, and none is left over.
func TestWords(t *testing.T) {
	used := map[string]bool{"points.1": true, "points": true}
	for _, w := range []string{"hello", "help", "stay", "telnet", "unknown"} {
		used["console."+w] = true
	}
	for _, s := range []progress.State{"", progress.Passed, progress.Failed, progress.Blocked, progress.Manual} {
		used["state."+stateName(s)] = true
	}
	for _, f := range forms() {
		used["grades."+f.key] = true
	}
	for _, done := range dones() {
		used["person.done."+done] = true
	}
	asked := regexp.MustCompile(`(?:\.Lang|lang|language\(\)|spoken\(r\)), "([a-z0-9.]+)"|\bt \$?\.Lang "([a-z0-9.]+)"|"((?:login|teacher)\.[a-z]+)"`)
	for _, dir := range []fs.FS{files, os.DirFS(".")} {
		_ = fs.WalkDir(dir, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(name, ".html") && !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
				return err
			}
			text, err := fs.ReadFile(dir, name)
			for _, m := range asked.FindAllStringSubmatch(string(text), -1) {
				if key := m[1] + m[2] + m[3]; !strings.HasSuffix(key, ".") { // else what follows is looked up
					used[key] = true
				}
			}
			return err
		})
	}
	for _, wrong := range words().Wrong(used) {
		t.Error(wrong)
	}
}

// TestLaidOut: tasks stand below what names them, once; the rest is at the end; HTML is left out.
func TestLaidOut(t *testing.T) {
	tasks := []worksheet.Task{{ID: "a"}, {ID: "b"}, {ID: "c"}}
	blocks := laidOut("# T\n\nDo it *(task `b`)*, not `x`.\n\n<script>alert(1)</script>\n\nAgain `b`, and [here](javascript:alert(1)).\n\n```\n`c`\n```\n", tasks)
	var got []string
	for _, b := range blocks {
		for _, task := range b.Tasks {
			got = append(got, task.ID)
		}
		if strings.Contains(string(b.HTML), "<script") || strings.Contains(string(b.HTML), "javascript:") {
			t.Errorf("markup of a statement is let through: %s", b.HTML)
		}
	}
	if strings.Join(got, " ") != "b a c" || len(blocks[1].Tasks) != 1 {
		t.Errorf("%v: %+v", got, blocks)
	}
}
