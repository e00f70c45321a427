package sandbox

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
)

// maxLog is when labinit.log is moved to labinit.log.1: both together never fill the state volume.
const maxLog = 1 << 20

// logFile is a file that is moved aside when it is full. What cannot be written is lost: a full disk must not stop the
// supervisor.
type logFile struct {
	path string

	mu   sync.Mutex
	file *os.File
	size int64
}

// OpenLog opens labinit's log on the state volume.
func OpenLog() (io.WriteCloser, error) {
	if err := directory(ownDir, 0o700, 0, 0); err != nil {
		return nil, err
	}
	return openLog(filepath.Join(ownDir, "labinit.log"))
}

func openLog(path string) (*logFile, error) {
	l := &logFile{path: path}
	if err := l.open(); err != nil {
		return nil, err
	}
	return l, nil
}

func (l *logFile) open() error {
	f, err := os.OpenFile(l.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	l.file, l.size = f, info.Size()
	return nil
}

func (l *logFile) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.size+int64(len(p)) > maxLog {
		_ = l.file.Close()
		_ = os.Rename(l.path, l.path+".1")
		if err := l.open(); err != nil {
			return len(p), nil
		}
	}
	n, _ := l.file.Write(p)
	l.size += int64(n)
	return len(p), nil
}

func (l *logFile) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.Close()
}

// lines makes records of what a child writes to its standard error, a line each.
type lines struct {
	log  *slog.Logger
	rest []byte
}

func (w *lines) Write(p []byte) (int, error) {
	w.rest = append(w.rest, p...)
	for {
		line, rest, ok := bytes.Cut(w.rest, []byte("\n"))
		if !ok && len(w.rest) < 4096 {
			return len(p), nil
		}
		if !ok {
			line, rest = w.rest, nil
		}
		w.log.Log(context.Background(), slog.LevelInfo, string(bytes.TrimRight(line, "\r")))
		w.rest = append(w.rest[:0], rest...)
	}
}
