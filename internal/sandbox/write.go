package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"maillab/internal/safeio"
)

// replace puts a file in place at once, durably. gid -1 leaves the group as it comes.
func replace(path string, text []byte, mode os.FileMode, gid int) error {
	err := safeio.Write(path, mode, safeio.Durable, func(f *os.File) error {
		_, err := f.Write(text)
		if err == nil && gid >= 0 {
			err = f.Chown(-1, gid)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// renew is replaceIfDifferent for what every start compares and writes anew: it need not outlive a loss of power, and
// thirty sandboxes that sync some twenty files each at the same moment keep one another waiting.
func renew(path string, text []byte) error {
	if same(path, text) {
		return nil
	}
	return safeio.WriteFile(path, text, 0o644, safeio.Whole)
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

// overwrite writes a file in place. It is for /etc/hosts and /etc/resolv.conf, which engines mount: a mount cannot be
// renamed over. Where Docker does not, it has made them executable.
func overwrite(path string, text []byte) error {
	if same(path, text) {
		return nil
	}
	return errors.Join(os.WriteFile(path, text, 0o644), os.Chmod(path, 0o644))
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
