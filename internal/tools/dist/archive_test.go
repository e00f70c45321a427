package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// TestPack: programs can be run, pages read, everything is below one folder, and twice is the same.
func TestPack(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "maillab_v1_linux_amd64")
	if err := os.WriteFile(program, []byte("#!"), 0o600); err != nil {
		t.Fatal(err)
	}
	tree := fstest.MapFS{
		"README.md": {Data: []byte("r")}, "CHANGELOG.md": {Data: []byte("c")}, "SECURITY.md": {Data: []byte("s")},
		"docs/install.md": {Data: []byte("i")}, "internal/secret.go": {Data: []byte("no")},
	}
	file := filepath.Join(dir, "maillab_v1_linux_amd64.tar.gz")
	var texts [2][]byte
	for i := range texts {
		if err := pack(file, map[string]string{"maillab": program, "maild": program}, tree); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts[i] = text
	}
	if !bytes.Equal(texts[0], texts[1]) {
		t.Error("packed twice, the bytes differ")
	}
	got := map[string]int64{}
	zipped, err := gzip.NewReader(bytes.NewReader(texts[0]))
	if err != nil {
		t.Fatal(err)
	}
	for in := tar.NewReader(zipped); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got[h.Name] = h.Mode
	}
	top := "maillab_v1_linux_amd64/"
	want := map[string]int64{
		top + "maillab": 0o755, top + "maild": 0o755, top + "README.md": 0o644, top + "CHANGELOG.md": 0o644, top + "SECURITY.md": 0o644,
		top + "docs/install.md": 0o644,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	if err := pack(file, nil, fstest.MapFS{}); err == nil {
		t.Error("an archive without its pages was packed")
	}
}
