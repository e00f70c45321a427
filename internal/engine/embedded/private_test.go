//go:build unix

package embedded

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"maillab/internal/engine"
)

// TestSomebodyElsesRuntime: a folder that others can write to is neither asked nor used.
func TestSomebodyElsesRuntime(t *testing.T) {
	for _, test := range []struct {
		name, why string
		make      func(t *testing.T, dir string) error
	}{
		{"open to others", "others get into it", func(_ *testing.T, dir string) error {
			if err := os.Mkdir(dir, 0o700); err != nil {
				return err
			}
			return os.Chmod(dir, 0o777)
		}},
		{"a link to our own", "it is no folder", func(t *testing.T, dir string) error {
			own := filepath.Join(t.TempDir(), "own")
			if err := os.Mkdir(own, 0o700); err != nil {
				return err
			}
			return os.Symlink(own, dir)
		}},
		{"a file", "it is no folder", func(_ *testing.T, dir string) error { return os.WriteFile(dir, nil, 0o600) }},
		{"another user's", "another user's", func(t *testing.T, dir string) error {
			if os.Geteuid() != 0 {
				t.Skip("only root can give a folder away")
			}
			if err := os.Mkdir(dir, 0o700); err != nil {
				return err
			}
			return os.Chown(dir, 65534, 65534)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "runtime")
			if err := test.make(t, dir); err != nil {
				t.Fatal(err)
			}
			e := New(Config{Runtime: dir, Data: t.TempDir()})
			gateway := engine.Resource{Kind: engine.Gateway, Instance: "x"}
			_, observed := e.Observe(t.Context(), "")
			_, dialled := e.Dial(t.Context(), "x")
			for what, err := range map[string]error{
				"observe": observed, "dial": dialled, "put": e.Put(t.Context(), gateway, nil), "remove": e.Remove(t.Context(), gateway),
			} {
				if err == nil || !strings.Contains(err.Error(), test.why) {
					t.Errorf("%s: %v, want %q", what, err, test.why)
				}
			}
		})
	}
}

// TestOwnRuntime is made where it is missing, for nobody else.
func TestOwnRuntime(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "above", "runtime")
	e := New(Config{Runtime: dir, Data: t.TempDir()})
	if all, err := e.Observe(t.Context(), ""); err != nil || len(all) != 0 {
		t.Fatalf("without a folder: %v, %v", all, err)
	}
	if err := e.makeRuntime("x"); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info, err)
	}
}
