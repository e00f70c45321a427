package maild

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"maillab/internal/period"
)

// tailPause is how often a file that is followed is looked at.
const tailPause = 250 * time.Millisecond

// tail writes the last lines of a file to w (all when lines is negative) and, with follow, what comes, until ctx ends. A
// file that is replaced, as by a rotation, is followed into the new one.
func tail(ctx context.Context, w io.Writer, path string, lines int, follow bool) error {
	f, err := openWhenThere(ctx, path, follow)
	if f == nil {
		return err
	}
	defer func() { f.Close() }()
	if lines >= 0 {
		if err := toLastLines(f, lines); err != nil {
			return err
		}
	}
	for {
		if _, err := io.Copy(w, f); err != nil {
			return err
		}
		if !follow || period.Wait(ctx, tailPause) != nil {
			return nil
		}
		if next := replaced(f, path); next != nil {
			_, err := io.Copy(w, f) // what came in between
			f.Close()
			f = next
			if err != nil {
				return err
			}
		}
	}
}

// openWhenThere opens the file; one that is not there is waited for with follow, else it is nil.
func openWhenThere(ctx context.Context, path string, follow bool) (*os.File, error) {
	for {
		f, err := os.Open(path)
		switch {
		case err == nil:
			return f, nil
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		case !follow || period.Wait(ctx, tailPause) != nil:
			return nil, nil
		}
	}
}

// replaced opens the file that path names when that is another one than f, or f from its start when it was cut.
func replaced(f *os.File, path string) *os.File {
	was, err := f.Stat()
	if err != nil {
		return nil
	}
	is, err := os.Stat(path)
	if err != nil {
		return nil
	}
	at, err := f.Seek(0, io.SeekCurrent)
	if err != nil || os.SameFile(was, is) && is.Size() >= at {
		return nil
	}
	next, err := os.Open(path)
	if err != nil {
		return nil
	}
	return next
}

// toLastLines seeks to where the last n lines begin.
func toLastLines(f *os.File, n int) error {
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	const block = 8 << 10
	buf := make([]byte, block)
	found := 0
	for at := end; at > 0; {
		size := min(block, at)
		at -= size
		if _, err := f.ReadAt(buf[:size], at); err != nil {
			return err
		}
		for i := bytes.LastIndexByte(buf[:size], '\n'); i >= 0; i = bytes.LastIndexByte(buf[:i], '\n') {
			if at+int64(i) == end-1 {
				continue // the end of the last line
			}
			if found++; found == n {
				_, err := f.Seek(at+int64(i)+1, io.SeekStart)
				return err
			}
		}
	}
	start := int64(0)
	if n == 0 {
		start = end
	}
	_, err = f.Seek(start, io.SeekStart)
	return err
}
