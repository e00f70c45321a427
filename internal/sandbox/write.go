package sandbox

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

// replace puts a file in place at once: written aside, synced, renamed. gid -1 leaves the group as it comes.
func replace(path string, text []byte, mode os.FileMode, gid int) error {
	return place(path, text, mode, gid, (*os.File).Sync)
}

// renew is replaceIfDifferent for what every start compares and writes anew: it need not outlive a loss of power, and
// thirty sandboxes that sync some twenty files each at the same moment keep one another waiting.
func renew(path string, text []byte) error {
	if same(path, text) {
		return nil
	}
	return place(path, text, 0o644, -1, func(*os.File) error { return nil })
}

func place(path string, text []byte, mode os.FileMode, gid int, sync func(*os.File) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		_ = f.Close()
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(text); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if gid >= 0 {
		if err = f.Chown(-1, gid); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	if err = f.Chmod(mode); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err = sync(f); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.Rename(f.Name(), path)
}

// replaceIfDifferent is replace, without writing when the content is there already: most of what is applied at a
// restart is, and thirty sandboxes start at once.
func replaceIfDifferent(path string, text []byte, mode os.FileMode, gid int) error {
	if same(path, text) {
		return nil
	}
	return replace(path, text, mode, gid)
}

func same(path string, text []byte) bool {
	old, err := os.ReadFile(path)
	return err == nil && bytes.Equal(old, text)
}

// overwrite writes a file in place. It is for /etc/hosts and /etc/resolv.conf, which Docker mounts: a mount cannot be
// renamed over.
func overwrite(path string, text []byte) error {
	if same(path, text) {
		return nil
	}
	return os.WriteFile(path, text, 0o644)
}

// readOr is a file's content, nil when it does not exist.
func readOr(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil, nil
	}
	return text, err
}

// directory makes sure that a directory is there with this owner and mode.
func directory(path string, mode os.FileMode, uid, gid int) error {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return err
	}
	// While it is root's: changing the mode of another's directory needs more rights than giving it away.
	if err := os.Chown(path, 0, gid); err != nil {
		return err
	}
	if err := os.Chmod(path, mode); err != nil {
		return err
	}
	return os.Chown(path, uid, gid)
}
