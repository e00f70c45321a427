package belongings

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
)

// removeAll removes what lies at the top of a home, however deep and wide it is, and makes directories writable that
// their owner locked himself out of. os.RemoveAll would keep a descriptor open for each level, and the process that does
// this for a student does it for all: what lies deeper than maxDepth is moved to the top of the home first, where its
// turn comes.
func removeAll(home *os.Root, name string) error {
	r := remover{home: home, todo: []string{name}}
	var errs []error
	for len(r.todo) > 0 && len(errs) < maxRemoveErrors {
		last := len(r.todo) - 1
		next := r.todo[last]
		r.todo = r.todo[:last]
		if err := r.remove(home, next, next, 1); err != nil {
			errs = append(errs, fmt.Errorf("removing %s: %w", next, err))
		}
	}
	return errors.Join(errs...)
}

// maxRemoveErrors bounds how often removeAll goes on after a failure, and maxRemoveRounds how often it reads a directory
// that somebody goes on filling.
const (
	maxRemoveErrors = 10
	maxRemoveRounds = 100
)

// remover holds what was moved to the top and is to be removed next.
type remover struct {
	home *os.Root
	todo []string
}

// remove removes dir/name, which is rel from the home.
func (r *remover) remove(dir *os.Root, name, rel string, depth int) error {
	err := dir.Remove(name)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	info, statErr := dir.Lstat(name)
	switch {
	case errors.Is(statErr, fs.ErrNotExist):
		return nil
	case statErr != nil || !info.IsDir():
		return errors.Join(err, statErr)
	case info.Mode().Perm()&0o700 != 0o700:
		_ = dir.Chmod(name, info.Mode().Perm()|0o700) // if not, what follows says so
	}
	if depth > maxDepth {
		top := elsewhere()
		if err := r.home.Rename(rel, top); err != nil {
			return err
		}
		r.todo = append(r.todo, top)
		return nil
	}
	return r.removeDir(dir, name, rel, depth)
}

// removeDir empties a directory, then removes it.
func (r *remover) removeDir(dir *os.Root, name, rel string, depth int) error {
	inner, err := dir.OpenRoot(name)
	if err != nil {
		return err
	}
	defer inner.Close()
	s := saver{home: inner}
	for range maxRemoveRounds {
		names, err := s.names(".")
		if err != nil {
			return err
		}
		for _, one := range names {
			err = errors.Join(err, r.remove(inner, one, path.Join(rel, one), depth+1))
		}
		if err != nil {
			return err
		}
		if err = dir.Remove(name); err == nil || errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if len(names) == 0 {
			return err
		}
	}
	return fmt.Errorf("%s: it is filled as fast as it is emptied", rel)
}
