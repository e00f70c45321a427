package labs_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"maillab/labs"
)

// TestCopy: the folder is whole, with the schema where its first line tells editors to look; a schema that is there stays.
func TestCopy(t *testing.T) {
	dir := t.TempDir()
	if err := labs.Copy("hello", filepath.Join(dir, "mine")); err != nil {
		t.Fatal(err)
	}
	want, err := labs.Schema()
	if err != nil {
		t.Fatal(err)
	}
	schema := filepath.Join(dir, "lab.schema.json")
	if got, err := os.ReadFile(schema); err != nil || string(got) != string(want) {
		t.Errorf("the schema: %v", err)
	}
	for _, file := range []string{labs.File, "statement.fr.md", "mail"} {
		if _, err := os.Stat(filepath.Join(dir, "mine", file)); err != nil {
			t.Error(err)
		}
	}
	if err := os.WriteFile(schema, []byte("my own"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := labs.Copy("hello", filepath.Join(dir, "again")); err != nil {
		t.Error(err)
	}
	if got, err := os.ReadFile(schema); err != nil || string(got) != "my own" {
		t.Errorf("%q, %v", got, err)
	}
	if err := labs.Copy("no-such-lab", filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
