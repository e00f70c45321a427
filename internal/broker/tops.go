//go:build linux

package broker

import (
	"os"
	"path"
	"sync"
)

// tops are the directories in which the spool's files and the homes lie, each opened once. They are mount points of volumes: the
// way there leads through the image's file system, where each step may be another process's work (fuse-overlayfs).
type tops struct {
	mu   sync.Mutex
	open map[string]top
}

type top struct {
	file *os.File
	root *os.Root
}

func (t *tops) get(dir string) (top, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	one, known := t.open[dir]
	if known {
		return one, nil
	}
	var err error
	if one.file, err = os.Open(dir); err != nil {
		return one, err
	}
	if one.root, err = os.OpenRoot(dir); err != nil {
		one.file.Close()
		return one, err
	}
	t.open[dir] = one
	return one, nil
}

// at is a path as a directory's descriptor, which stays open, and a name in it.
func (t *tops) at(file string) (dir int, name string, err error) {
	folder, name := path.Split(file)
	one, err := t.get(path.Clean(folder))
	if err != nil {
		return -1, "", err
	}
	return int(one.file.Fd()), name, nil
}

// root is a directory, which stays open.
func (t *tops) root(dir string) (*os.Root, error) {
	one, err := t.get(dir)
	return one.root, err
}
