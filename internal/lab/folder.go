package lab

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// A lab's folder is not trusted: it may come from anywhere, and what it names is copied into homes. So nothing outside of it
// is read, and in it regular files only: a link could lead to a private key, a FIFO would be waited for, a device never ends.

// maxFiles bounds how many files a lab puts into a home.
const maxFiles = 2000

// What is not read.
var (
	errLink      = errors.New("a link, which is not followed: put the file itself there")
	errIrregular = errors.New("no regular file")
)

// Folder is the folder of a lab on disk.
func Folder(dir string) (fs.FS, error) {
	root, err := os.OpenRoot(dir)
	return folder{root}, err
}

type folder struct{ root *os.Root }

// Open implements fs.FS. It never waits.
func (f folder) Open(name string) (fs.File, error) {
	fail := func(err error) (fs.File, error) { return nil, &fs.PathError{Op: "open", Path: name, Err: err} }
	if !fs.ValidPath(name) {
		return fail(fs.ErrInvalid)
	}
	if info, err := f.root.Lstat(name); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return fail(errLink)
	}
	file, err := f.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		err = errIrregular
	}
	if err != nil {
		_ = file.Close() // nothing was written
		return fail(err)
	}
	return file, nil
}

// ReadFile reads a regular file of a lab, of so many octets at most.
func ReadFile(fsys fs.FS, name string, limit int64) ([]byte, error) {
	fail := func(err error) ([]byte, error) { return nil, &fs.PathError{Op: "read", Path: name, Err: err} }
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	switch info, err := f.Stat(); {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return fail(errIrregular)
	case info.Size() > limit:
		return fail(fmt.Errorf("larger than %d bytes", limit))
	}
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(text)) > limit {
		return fail(fmt.Errorf("larger than %d bytes", limit))
	}
	return text, err
}
