package belongings

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"time"
)

// SaveInbox writes an account's mailbox to w, under a reader's lock if that is to be had within patience. Then evict is
// asked to end whoever holds a lease on it, if somebody does: until he is gone nobody can open the file (fcntl(2),
// F_SETLEASE).
func SaveInbox(ctx context.Context, w *tar.Writer, spool *os.Root, account string, patience time.Duration, evict func()) error {
	f, err := openInbox(ctx, spool, account, time.Now().Add(patience), evict)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("mailbox of %s: %w", account, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("mailbox of %s: %w", account, fs.ErrInvalid)
	}
	h := &tar.Header{Name: inboxEntry, Typeflag: tar.TypeReg, Mode: inboxMode, Size: info.Size(), ModTime: info.ModTime(), Format: tar.FormatPAX}
	return copyFile(w, h, f, []extent{{0, info.Size()}})
}

// inboxMode is a mailbox's: it is its account's, and of the group mail.
const inboxMode = 0o660

// dying is how long a killed process may take to let go of its lease.
const dying = 500 * time.Millisecond

// openInbox opens and locks. When patience is over it goes on without the lock: whoever holds one for so long does not
// write.
func openInbox(ctx context.Context, spool *os.Root, account string, deadline time.Time, evict func()) (*os.File, error) {
	for pause := 2 * time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		f, err := spool.OpenFile(account, os.O_RDONLY|safely, 0)
		if errors.Is(err, fs.ErrPermission) && spool.Chmod(account, inboxMode) == nil { // its owner locked himself out
			f, err = spool.OpenFile(account, os.O_RDONLY|safely, 0)
		}
		if err != nil && !leased(err) {
			return nil, err
		}
		late := time.Now().After(deadline)
		if err == nil && (tryLock(f) || late) {
			return f, nil
		}
		if err == nil {
			f.Close()
		} else if late && evict == nil {
			return nil, err
		} else if late {
			evict()
			evict, deadline = nil, time.Now().Add(dying)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause):
		}
	}
}

// SaveHome writes what the scope covers of a home to w, and returns what was left out, with the reason: a file that not
// even its owner may read, one that is being changed.
func SaveHome(ctx context.Context, w *tar.Writer, home *os.Root, scope Scope) (leftOut []string, err error) {
	s := saver{ctx: ctx, w: w, home: home}
	names, err := s.names(".")
	if err != nil {
		return nil, fmt.Errorf("home: %w", err)
	}
	for _, name := range names {
		if scope.covers(name) {
			if err := s.save(name, 1); err != nil {
				return s.leftOut, err
			}
		}
	}
	return s.leftOut, nil
}

type saver struct {
	ctx     context.Context
	w       *tar.Writer
	home    *os.Root
	entries int
	bytes   int64
	leftOut []string
}

func (s *saver) names(dir string) ([]string, error) {
	f, err := s.home.OpenFile(dir, os.O_RDONLY|safely, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.Readdirnames(MaxEntries)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	slices.Sort(names)
	return slices.Compact(names), err // who renames meanwhile may be listed twice, and an archive with twins is refused
}

// skip notes what cannot be taken along. It is never the reason why the rest is not.
func (s *saver) skip(rel string, why any) error {
	if len(s.leftOut) < 100 {
		s.leftOut = append(s.leftOut, fmt.Sprintf("%s: %v", rel, why))
	}
	return nil
}

func (s *saver) save(rel string, depth int) error {
	if err := s.ctx.Err(); err != nil {
		return err
	}
	info, err := s.home.Lstat(rel)
	if err != nil {
		return nil // gone meanwhile
	}
	if s.entries++; s.entries > MaxEntries-1 || depth >= maxDepth || checkPath(rel) != nil {
		return s.skip(rel, "too much, too deep, or a name that cannot be kept")
	}
	h := &tar.Header{Name: homePrefix + rel, Mode: int64(info.Mode().Perm()), ModTime: info.ModTime(), Format: tar.FormatPAX}
	switch {
	case info.Mode().IsRegular():
		return s.file(rel, h)
	case info.IsDir():
		return s.dir(rel, h, depth)
	case info.Mode()&fs.ModeSymlink != 0:
		if h.Linkname, err = s.home.Readlink(rel); err != nil {
			return nil
		}
		h.Typeflag = tar.TypeSymlink
		return s.w.WriteHeader(h)
	}
	return nil // FIFOs, sockets: nothing that could be kept
}

func (s *saver) dir(rel string, h *tar.Header, depth int) error {
	names, err := s.names(rel)
	if err != nil {
		return s.skip(rel, err)
	}
	h.Name, h.Typeflag = h.Name+"/", tar.TypeDir
	if err := s.w.WriteHeader(h); err != nil {
		return err
	}
	for _, name := range names {
		if err := s.save(path.Join(rel, name), depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (s *saver) file(rel string, h *tar.Header) error {
	f, err := s.home.OpenFile(rel, os.O_RDONLY|safely, 0)
	if err != nil {
		return s.skip(rel, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return s.skip(rel, "it is being changed")
	}
	h.Typeflag, h.Size = tar.TypeReg, info.Size()
	data := dataOf(f, info)
	if data == nil {
		data = []extent{{0, info.Size()}}
	} else {
		describe(h, info.Size(), data)
	}
	if s.bytes+h.Size > MaxBytes || info.Size() > MaxBytes {
		return s.skip(rel, "too big")
	}
	s.bytes += h.Size
	return copyFile(s.w, h, f, data)
}

// copyFile writes an entry. A file that shrinks meanwhile is filled up with zeros: its header is out already.
func copyFile(w *tar.Writer, h *tar.Header, f io.ReaderAt, data []extent) error {
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	for _, e := range data {
		n, err := io.Copy(w, io.LimitReader(io.NewSectionReader(f, e.off, e.len), e.len)) // which tells io.Copy how small a buffer will do
		if err == nil && n < e.len {
			_, err = io.CopyN(w, zeros{}, e.len-n)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
