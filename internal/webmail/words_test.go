package webmail

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestWords: every word that is asked for is there, in both languages with the same places to fill in, and none is left over.
func TestWords(t *testing.T) {
	used := map[string]bool{"folder.inbox": true, "folder.sent": true, "folder.trash": true}
	asked := regexp.MustCompile(`(?:[lL]ang|, r\.lang), "([a-z.]+)"|\bt \$?\.Lang "([a-z.]+)"|key: "([a-z]+)"|case ("sent"(?:, "[a-z]+")+):`)
	for _, dir := range []fs.FS{files, os.DirFS(".")} {
		_ = fs.WalkDir(dir, ".", func(name string, d fs.DirEntry, err error) error { // what can be compiled can be read
			if err != nil || d.IsDir() || strings.HasSuffix(name, "_test.go") {
				return err
			}
			text, err := fs.ReadFile(dir, name)
			for _, m := range asked.FindAllStringSubmatch(string(text), -1) {
				for _, key := range strings.Split(m[4], ", ") {
					used["told."+strings.Trim(key, `"`)] = true
				}
				used[m[1]+m[2]+m[3]] = true
			}
			return err
		})
	}
	for _, part := range []string{"", "told.", "folder."} { // what follows is looked up
		delete(used, part)
	}
	for _, wrong := range words().Wrong(used) {
		t.Error(wrong)
	}
}

// TestSafeName: what becomes of the names of files.
func TestSafeName(t *testing.T) {
	for name, want := range map[string]string{
		"a.txt": "a.txt", "../../a": "a", `C:\x\b.doc`: "b.doc", "a\r\nb: c": "a b_ c", "...": "", "": "", "/": "_", `"q"`: "_q_", "été.txt": "été.txt",
		strings.Repeat("é", 300) + ".tar": strings.Repeat("é", 98) + ".tar", "\u202ecod.exe": "cod.exe", ".bashrc": "bashrc", "a/": "a",
	} {
		if got := safeName(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
