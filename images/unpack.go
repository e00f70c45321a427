package images

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Unpack writes the image's build context into a folder that is not there yet.
func Unpack(dir string) error {
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if missing := Programs("maild", "labinit", "gateway"); len(missing) > 0 {
		return fmt.Errorf("this maillab was built without the image's programs: %s", strings.Join(missing, ", "))
	}
	var archive bytes.Buffer
	if err := Context(&archive); err != nil {
		return err
	}
	for in := tar.NewReader(&archive); ; {
		entry, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		text, err := io.ReadAll(in)
		if err != nil {
			return err
		}
		to := filepath.Join(dir, filepath.FromSlash(entry.Name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.WriteFile(to, text, fs.FileMode(entry.Mode))); err != nil {
			return err
		}
	}
}
