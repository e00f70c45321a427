package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/docker/docker/api/types/image"

	"maillab/internal/engine"
)

// slim is the base that everybody knows.
const slim = "debian:bookworm-slim"

// pullPatience is how long a pull may say nothing: a laptop without a network must not wait for it long, a slow line
// may take its time.
const pullPatience = 20 * time.Second

// base returns the name of a Debian 12 image: slim if it is there, else the one that was made here before, else slim if
// it can be pulled, else one made with mmdebstrap.
func (e *Engine) base(ctx context.Context, progress engine.Progress) (string, error) {
	for _, name := range []string{slim, e.build.Base} {
		if there, err := e.hasImage(ctx, name); there || err != nil {
			return name, err
		}
	}
	progress("pulling " + slim)
	pullErr := e.pull(ctx, slim, pullPatience, progress)
	if pullErr == nil {
		return slim, nil
	}
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	progress(fmt.Sprintf("%s cannot be pulled (%v): making %s with mmdebstrap", slim, pullErr, e.build.Base))
	if err := e.makeBase(ctx, progress); err != nil {
		return "", fmt.Errorf("%s cannot be pulled (%w), and %w", slim, pullErr, err)
	}
	return e.build.Base, nil
}

// errSilent is why a pull was given up.
var errSilent = errors.New("the registry does not answer")

// pull gives up when nothing is heard for the given time.
func (e *Engine) pull(ctx context.Context, name string, patience time.Duration, progress engine.Progress) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(patience, func() { cancel(errSilent) })
	defer watch.Stop()
	body, err := e.api.ImagePull(ctx, name, image.PullOptions{})
	if err == nil {
		defer body.Close()
		err = follow(&heard{body, func() { watch.Reset(patience) }}, progress)
	}
	if err != nil && errors.Is(context.Cause(ctx), errSilent) {
		return errSilent
	}
	return err
}

// heard is a reader that tells when something came.
type heard struct {
	io.Reader
	tell func()
}

func (h *heard) Read(p []byte) (int, error) {
	n, err := h.Reader.Read(p)
	if n > 0 {
		h.tell()
	}
	return n, err
}

// debootstrap is the command that writes a Debian 12 root file system to stdout, without manuals and translations:
// what debian:bookworm-slim is.
func debootstrap() []string {
	return []string{
		"mmdebstrap", "--variant=minbase",
		"--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/locale/*",
		"--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-include=/usr/share/doc/*/copyright",
		"bookworm", "-",
	}
}

// makeBase imports what mmdebstrap writes. If it fails in the middle the daemon sees a broken archive and keeps nothing.
func (e *Engine) makeBase(ctx context.Context, progress engine.Progress) error {
	if err := haveDebootstrap(ctx, progress); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	reader, writer := io.Pipe()
	defer reader.Close()
	done := make(chan error, 1)
	go func() {
		err := command(ctx, writer, debootstrap(), progress)
		writer.CloseWithError(err)
		done <- err
	}()
	body, err := e.api.ImageImport(ctx, image.ImportSource{Source: reader, SourceName: "-"}, e.build.Base,
		image.ImportOptions{Changes: []string{`CMD ["/bin/bash"]`}})
	if err == nil {
		defer body.Close()
		err = follow(body, progress)
	}
	if err != nil {
		reader.Close() // the program may be writing still
		cancel()
	}
	if made := <-done; made != nil && !errors.Is(made, io.ErrClosedPipe) {
		return made
	}
	return err
}

// haveDebootstrap installs mmdebstrap where that is possible without asking.
func haveDebootstrap(ctx context.Context, progress engine.Progress) error {
	if _, err := exec.LookPath("mmdebstrap"); err == nil {
		return nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil || os.Getuid() != 0 {
		return errors.New("mmdebstrap, which could make it here, is missing: install it (on Debian or Ubuntu: " +
			"sudo apt-get install mmdebstrap), or pull " + slim + " where there is a network, and try again")
	}
	progress("installing mmdebstrap")
	for _, args := range [][]string{
		{"apt-get", "update", "-q"},
		{"apt-get", "install", "-q", "-y", "--no-install-recommends", "mmdebstrap"},
	} {
		if err := command(ctx, io.Discard, args, progress); err != nil {
			return err
		}
	}
	return nil
}

// command runs one with its output going to w. What it says on stderr is its progress, and the end of that its error's
// text.
func command(ctx context.Context, w io.Writer, args []string, progress engine.Progress) error {
	said := &lines{tell: progress}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8")
	cmd.Stdout, cmd.Stderr = w, said
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // mmdebstrap cleans up after itself
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", args[0], err, strings.Join(said.last, "; "))
	}
	return nil
}

// lines is a writer that tells each line and remembers the last few. An unfinished one is told with what ends it.
type lines struct {
	tell    engine.Progress
	partial []byte
	last    []string
}

// Write never fails. A line that does not end is cut, so that its memory is bounded.
func (l *lines) Write(p []byte) (int, error) {
	for _, c := range p {
		if c != '\n' && c != '\r' && len(l.partial) < 500 {
			l.partial = append(l.partial, c)
			continue
		}
		if line := strings.TrimSpace(string(l.partial)); line != "" {
			l.tell(line)
			l.last = append(l.last[max(0, len(l.last)-4):], line)
		}
		l.partial = l.partial[:0]
	}
	return len(p), nil
}
