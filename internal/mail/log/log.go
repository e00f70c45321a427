// Package log writes /var/log/mail.log as Postfix, Courier and Dovecot would: the file in which students follow what
// happens to a message. Its readers are people and log analysers made for Postfix, so every line has the exact form of
// the original; testdata/ holds those forms, captured from the real servers.
//
// Form of a line (RFC 3164 section 4.1, as syslog daemons write it to files):
//
//	Nov 21 20:25:28 test6isri postfix/smtpd[105]: connect from unknown[172.17.0.1]
//
// that is: time in the lab's zone, the host's short name, the process with its number, the event.
// There is one method per event, on one type per kind of process, and one writer for all of them. An event costs its
// caller no input or output: lines are gathered in memory and written by a goroutine. When the disk does not take them,
// up to Config.Buffer bytes wait; what comes beyond is dropped, and counted in the log once it can be written again.
//
// The file may be renamed, removed or truncated at any time, as logrotate does: a line goes to what has the name then.
// The log does it itself when the file is longer than Config.Most, so that nobody fills a disk by connecting: it is
// mail.log.1 then, as on Debian, and the one before it is gone.
package log

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"
)

// Config is one log.
type Config struct {
	Path   string           // the file; created with mode 0644
	Host   string           // short or full: what is behind the first dot is left out
	Zone   *time.Location   // nil: UTC
	Now    func() time.Time // nil: time.Now
	Buffer int              // bytes that may wait for the disk; 0: 1 MiB
	Most   int64            // a file with so many octets is renamed, and a new one begun; 0: 8 MiB
	Moved  func(size int64) // told after that, with the octets of the file; nil: nobody
	Errors *slog.Logger     // told when the file cannot be written; nil: nobody
}

// Before is what the name of the file before has at its end.
const Before = ".1"

// Log is the one writer. Its methods, and those of the processes that it hands out, may be called concurrently.
type Log struct {
	cfg   Config
	wake  chan struct{} // something to do, for the goroutine
	wrote chan struct{} // it has written
	done  chan struct{} // closed by it at the end

	smtpds smtpds

	mu      sync.Mutex
	waiting []byte
	dropped int             // lines, since the last that was taken
	flushes []chan struct{} // closed when what was waiting is written, or cannot be
	closed  bool

	file *os.File // the goroutine's
	bad  bool     // the last write failed: reported once
}

// Open opens the log. It fails when the file cannot be opened now.
func Open(cfg Config) (*Log, error) {
	if cfg.Zone == nil {
		cfg.Zone = time.UTC
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Buffer == 0 {
		cfg.Buffer = 1 << 20
	}
	if cfg.Most == 0 {
		cfg.Most = 8 << 20
	}
	if cfg.Moved == nil {
		cfg.Moved = func(int64) {}
	}
	if cfg.Errors == nil {
		cfg.Errors = slog.New(slog.DiscardHandler)
	}
	cfg.Host, _, _ = strings.Cut(cfg.Host, ".")
	l := &Log{cfg: cfg, wake: make(chan struct{}, 1), wrote: make(chan struct{}, 1), done: make(chan struct{})}
	if err := l.reopen(); err != nil {
		return nil, err
	}
	go l.run()
	return l, nil
}

// Close writes what waits and closes the file. Events that come later are lost.
func (l *Log) Close() error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.signal()
	<-l.done
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}

// Flush returns when all earlier events are in the file, or when it cannot be written, or at the end of ctx.
func (l *Log) Flush(ctx context.Context) error {
	written := make(chan struct{})
	l.mu.Lock()
	l.flushes = append(l.flushes, written)
	l.mu.Unlock()
	l.signal()
	select {
	case <-written:
		return nil
	case <-l.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// textLimit is where Postfix cuts what it logs.
const textLimit = 2000

// line adds a line, without the time and the host: process is "postfix/smtpd[105]".
func (l *Log) line(process, text string) {
	if len(text) > textLimit {
		text = strings.ToValidUTF8(text[:textLimit], "?")
	}
	stamp := l.cfg.Now().In(l.cfg.Zone).Format(time.Stamp)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	if len(l.waiting)+len(text) > l.cfg.Buffer {
		l.dropped++
		return
	}
	if l.dropped > 0 {
		l.waiting = fmt.Appendf(l.waiting, "%s %s %s: warning: %d lines of this log are lost\n", stamp, l.cfg.Host,
			postfix("postlogd"), l.dropped)
		l.dropped = 0
	}
	l.waiting = fmt.Appendf(l.waiting, "%s %s %s: %s\n", stamp, l.cfg.Host, process, clean(text))
	l.signal()
}

// clean keeps a line a line, whatever a client has put into it.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, text)
}

// signal wakes the goroutine.
func (l *Log) signal() { poke(l.wake) }

// poke tells who waits on a channel with room for one word that there is something.
func poke(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Wrote tells one reader that there is more in the file than when it was told last.
func (l *Log) Wrote() <-chan struct{} { return l.wrote }

// retry is how long to wait after a failed write.
const retry = time.Second

// run is the goroutine that writes.
func (l *Log) run() {
	defer close(l.done)
	for {
		if l.bad {
			select {
			case <-l.wake:
			case <-time.After(retry):
			}
		} else {
			<-l.wake
		}
		l.mu.Lock()
		text, flushes, closed := l.waiting, l.flushes, l.closed
		l.waiting, l.flushes = nil, nil
		l.mu.Unlock()
		rest := l.write(text)
		l.putBack(rest)
		for _, f := range flushes {
			close(f)
		}
		if closed {
			return
		}
	}
}

// putBack keeps what could not be written, before what has come since.
func (l *Log) putBack(rest []byte) {
	if len(rest) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = append(rest, l.waiting...)
}

// write writes text to what has the log's name now, and returns what it could not.
func (l *Log) write(text []byte) []byte {
	if len(text) == 0 {
		return nil
	}
	err := l.reopen()
	if err == nil {
		err = l.rotate()
	}
	if err == nil {
		var n int
		n, err = l.file.Write(text)
		text = text[n:]
		poke(l.wrote)
	}
	if err != nil && !l.bad {
		l.cfg.Errors.Error("writing the mail log", "err", err)
	}
	l.bad = err != nil
	if l.bad {
		return text
	}
	return nil
}

// reopen opens the file unless it is open already and still has the name.
func (l *Log) reopen() error {
	if l.file != nil {
		named, err := os.Stat(l.cfg.Path)
		open, openErr := l.file.Stat()
		if err == nil && openErr == nil && os.SameFile(named, open) {
			return nil
		}
		_ = l.file.Close() // it was appended to in one write a time: nothing is pending
		l.file = nil
	}
	return l.create()
}

// rotate begins a new file if this one has become too long.
func (l *Log) rotate() error {
	info, err := l.file.Stat()
	if err != nil || info.Size() < l.cfg.Most {
		return err
	}
	_ = l.file.Close() // before the renaming, which Windows refuses for a file that is open
	l.file = nil
	if err := os.Rename(l.cfg.Path, l.cfg.Path+Before); err != nil {
		return fmt.Errorf("mail log: %w", err)
	}
	l.cfg.Moved(info.Size())
	return l.create()
}

// create opens the file, and makes it readable by all accounts when it is new, whatever the umask is.
func (l *Log) create() error {
	const flags = os.O_WRONLY | os.O_APPEND
	file, err := os.OpenFile(l.cfg.Path, flags, 0)
	if errors.Is(err, fs.ErrNotExist) {
		if file, err = os.OpenFile(l.cfg.Path, flags|os.O_CREATE, 0o644); err == nil {
			err = file.Chmod(0o644)
		}
	}
	if err != nil {
		closeFile(file)
		return fmt.Errorf("mail log: %w", err)
	}
	l.file = file
	return nil
}

// closeFile closes what was opened in vain.
func closeFile(c io.Closer) {
	if f, isFile := c.(*os.File); isFile && f != nil {
		_ = f.Close() // its error is less than the one that is reported
	}
}
