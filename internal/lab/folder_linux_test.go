package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestFolderIsNotLeft: of what is not a regular file of the lab's folder nothing is read, nothing is waited for, and the error
// names it.
func TestFolderIsNotLeft(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte("a private key"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := func(to string) func(string) error { return func(name string) error { return os.Symlink(to, name) } }
	fifo := func(name string) error { return syscall.Mkfifo(name, 0o600) }
	huge := func(name string) error {
		return errors.Join(os.WriteFile(name, nil, 0o600), os.Truncate(name, 1<<40))
	}
	for _, c := range []struct {
		name string
		make func(string) error
		want string
	}{
		{"files/x", link("/etc/hostname"), "lab.yaml:9: files/x: a link, which is not followed: put the file itself there"},
		{"files/x", link(outside), "files/x: a link"},
		{"files/x", link("../../../../../../etc/hostname"), "files/x: a link"},
		{"files/x", link("a"), "files/x: a link"},
		{"files/sub", link("/etc"), "files/sub: a link"},
		{"files/x", fifo, "files/x: no regular file"},
		{"files/x", huge, "files/x: larger than 335"},
		{"m.eml", link(outside), "lab.yaml:8: m.eml: a link"},
		{"m.eml", fifo, "m.eml: no regular file"},
		{"m.eml", huge, "m.eml: larger than 10240000 bytes"},
		{"m.eml", func(name string) error { return os.Mkdir(name, 0o700) }, "m.eml: no regular file"},
		{"statement.md", link(outside), "lab.yaml:10: statement.md: a link"},
		{"statement.md", fifo, "statement.md: no regular file"},
		{"lab.yaml", link(outside), "lab.yaml: a link"},
		{"lab.yaml", fifo, "lab.yaml: no regular file"},
		{"lab.yaml", huge, "lab.yaml: larger than 1048576 bytes"},
	} {
		t.Run(strings.ReplaceAll(fmt.Sprint(c.name, " ", c.want), "/", "_"), func(t *testing.T) {
			dir := t.TempDir()
			text := "apiVersion: maillab/v1\nname: t\ntitle: T\nhostname: h\ndomain: d.fr\nservices: {smtp: }\n" +
				"accounts: [{name: util, password: x}]\nmail: [{to: util, file: m.eml}]\n" +
				"files: [{from: files/, to: /home/util/},\n  {from: statement.md, to: /home/util/}]\n"
			for name, content := range map[string]string{"lab.yaml": text, "files/a": "a", "m.eml": "\n", "statement.md": "s"} {
				if name == c.name {
					continue
				}
				if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700), os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600)); err != nil {
					t.Fatal(err)
				}
			}
			if err := c.make(filepath.Join(dir, c.name)); err != nil {
				t.Fatal(err)
			}
			folder, err := Folder(dir)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Parse(folder, "lab.yaml"); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v\nwant %s", err, c.want)
			}
		})
	}
}
