package labs_test

import (
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"maillab/internal/lab"
	"maillab/internal/lab/task"
	"maillab/internal/roster"
	"maillab/labs"
)

// TestAuthorsPage: each example of the page for lab authors is a lab, or a part of one, that is sound, and there is one of
// each kind of check.
func TestAuthorsPage(t *testing.T) {
	page, err := os.ReadFile("../docs/lab-authors.md")
	if err != nil {
		t.Fatal(err)
	}
	hello, err := fs.ReadFile(labs.FS, "hello/lab.yaml")
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(string(hello), "tasks:\n")
	head = strings.Replace(head, ", task: read", "", 1)
	kinds := map[string]bool{}
	examples := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	for _, example := range examples {
		text := example[1]
		if !strings.HasPrefix(text, "apiVersion:") {
			text = head + text
		}
		for _, one := range parsed(t, text).Tasks {
			for _, part := range one.Check.Walk("") {
				for _, kind := range part.Kinds() {
					kinds[kind] = true
				}
			}
		}
	}
	for _, kind := range []string{"all", "any", "not", "message", "mail", "mailbox", "dialogue", "log", "file", "run", "answer", "manual"} {
		if !kinds[kind] {
			t.Errorf("the page has no example of %s", kind)
		}
	}
	if len(examples) < 10 {
		t.Errorf("%d examples", len(examples))
	}
}

// parsed brings a lab with the files of hello to its sandboxes.
func parsed(t *testing.T, text string) *lab.Lab {
	t.Helper()
	folder := fstest.MapFS{labs.File: {Data: []byte(text)}}
	for _, name := range []string{"mail/bonjour.eml", "mail/hello.eml", "statement.fr.md", "statement.en.md"} {
		content, err := fs.ReadFile(labs.FS, "hello/"+name)
		if err != nil {
			t.Fatal(err)
		}
		folder[name] = &fstest.MapFile{Data: content}
	}
	l, err := lab.Parse(folder, labs.File)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	class := roster.Count(2)
	sandboxes, err := lab.Compile(l, class, roster.Seat(nil, class).Given.Seats(), "test", lab.Derived([]byte("x")))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	sheets, err := task.Sheets(sandboxes[0].Tasks)
	if err != nil || len(sheets) != 1 || !slices.Equal(sheets[0].Accounts[:1], []string{sandboxes[0].Accounts[0].Name}) {
		t.Fatalf("%v, %+v\n%s", err, sheets, text)
	}
	return l
}
