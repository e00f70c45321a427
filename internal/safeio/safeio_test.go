package safeio

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestWriteFileReplacesWholeAndLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "seats.json")
	for _, d := range []Durability{Durable, Whole} {
		for _, text := range []string{"a long first text", "short", ""} {
			if err := WriteFile(path, []byte(text), 0o640, d); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(path)
			if err != nil || string(got) != text {
				t.Errorf("read %q, %v; want %q", got, err, text)
			}
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v", info.Mode())
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

// TestWriteFileThatFails leaves what was there, and nothing of its own.
func TestWriteFileThatFails(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "taken")
	if err := os.MkdirAll(filepath.Join(path, "below"), 0o700); err != nil { // a directory cannot be renamed over
		t.Fatal(err)
	}
	if err := WriteFile(path, []byte("x"), 0o600, Durable); err == nil {
		t.Error("a file took the place of a directory")
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

// TestJSON: what is written is read; a file that is not there is no error, one that is no JSON is, and is named.
func TestJSON(t *testing.T) {
	path := filepath.Join(t.TempDir(), "seats.json")
	got := map[string]int{"kept": 1}
	if err := ReadJSON(path, &got); err != nil || got["kept"] != 1 {
		t.Errorf("without a file: %v, %v", got, err)
	}
	if err := WriteJSON(path, map[string]int{"alice": 7}); err != nil {
		t.Fatal(err)
	}
	if err := ReadJSON(path, &got); err != nil || got["alice"] != 7 {
		t.Errorf("%v, %v", got, err)
	}
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := ReadJSON(path, &got); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("half a file: %v", err)
	}
}
