package script

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"
)

// Descriptors of a stage.
const (
	stageRequestFD = 3
	stageFailedFD  = 4
)

// Modes of a stage.
const (
	modeRun     = "run"     // put the files, become the script
	modeRestore = "restore" // put back what was where the files are
)

// stageRequest is what a stage does.
type stageRequest struct {
	Mode    string  `json:"mode"`
	Student Student `json:"student"`
	Request Request `json:"request"`
}

// stage is the student. It returns only when it could not become the script, or had not to; why, it has told.
func stage(string) error {
	syscall.CloseOnExec(stageRequestFD)
	syscall.CloseOnExec(stageFailedFD)
	failed := os.NewFile(stageFailedFD, "failed")
	var s stageRequest
	err := json.NewDecoder(io.NewSectionReader(os.NewFile(stageRequestFD, "request"), 0, maxWire)).Decode(&s)
	if err == nil {
		err = os.Chdir(s.Student.Home)
	}
	if err == nil && s.Mode == modeRestore {
		err = restoreFiles(s.Request.Files)
	} else if err == nil {
		err = s.become()
	}
	if err != nil {
		fmt.Fprint(failed, err)
	}
	return err
}

// become puts the files, takes the limits on and runs the script. Scripts without a #! line, or without the right to
// be executed, are bash's: students forget both.
func (s stageRequest) become() error {
	if err := errors.Join(restoreFiles(s.Request.Files), putFiles(s.Request.Files)); err != nil {
		return err
	}
	program := s.Request.Script
	if !filepath.IsAbs(program) {
		program = filepath.Join(s.Student.Home, program)
	}
	argv := append([]string{program}, s.Request.Args...)
	ready, err := executable(program)
	if err != nil {
		return err
	}
	if !ready {
		argv = append([]string{"bash"}, argv...)
		program = "/bin/bash"
	}
	if err := os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0o600); err != nil && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	if err := errors.Join(keepDescriptors(), s.limit()); err != nil {
		return err
	}
	return fmt.Errorf("%s: %w", s.Request.Script, syscall.Exec(program, argv, environment(s.Student)))
}

// keepDescriptors makes sure that the script has nothing open but its standard streams, whoever forgot to.
func keepDescriptors() error {
	open, err := os.ReadDir("/proc/self/fd")
	for _, e := range open {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd > 2 {
			syscall.CloseOnExec(fd)
		}
	}
	return err
}

// executable says whether the kernel can run a file.
func executable(name string) (bool, error) {
	f, err := os.Open(name)
	if err != nil {
		return false, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	if !info.Mode().IsRegular() {
		return false, fmt.Errorf("%s is not a file", name)
	}
	var first [4]byte
	_, _ = f.Read(first[:]) // an empty one is a script that does nothing
	return info.Mode()&0o111 != 0 && (bytes.HasPrefix(first[:], []byte("#!")) || string(first[:]) == "\x7fELF"), nil
}

// limit takes the limits on. With the last two there is no new thread and no more memory, and Go's runtime, which takes
// either when it sees fit, ends the process when it cannot. So nothing makes it want them from here on: no call that
// blocks, one processor for goroutines, garbage collected now and never again. (Setrlimit and Exec are calls that the
// scheduler does not hear of.)
func (s stageRequest) limit() error {
	runtime.GC()
	debug.SetGCPercent(-1)
	runtime.GOMAXPROCS(1)
	cpu := uint64(s.Request.Time/time.Second) + 1
	limits := []struct {
		what  int
		value uint64
	}{
		{syscall.RLIMIT_CORE, 0}, {syscall.RLIMIT_NOFILE, 256}, {syscall.RLIMIT_CPU, cpu},
		{syscall.RLIMIT_FSIZE, uint64(max(s.Request.Limits.FileBytes, 0))},
		{rlimitNproc, uint64(max(s.Request.Limits.Processes, 0))}, {syscall.RLIMIT_AS, memory},
	}
	for _, l := range limits {
		if l.value == 0 && l.what != syscall.RLIMIT_CORE {
			continue
		}
		if err := syscall.Setrlimit(l.what, &syscall.Rlimit{Cur: l.value, Max: l.value}); err != nil {
			return fmt.Errorf("limit %d: %w", l.what, err)
		}
	}
	return nil
}

// rlimitNproc is RLIMIT_NPROC, which package syscall leaves out.
const rlimitNproc = 6

// aside is where a file of the student's own waits while a check's is in its place; none says that there was none.
func aside(name string) string { return "." + name + ".maillab-kept" }
func none(name string) string  { return "." + name + ".maillab-none" }

func putFiles(files map[string]string) error {
	for name, text := range files {
		if filepath.Base(name) != name {
			return fmt.Errorf("file %q is not a name", name)
		}
		err := os.Rename(name, aside(name))
		if errors.Is(err, fs.ErrNotExist) {
			err = os.WriteFile(none(name), nil, 0o600)
		}
		if err != nil {
			return err
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// restoreFiles puts back what was there, also after a run that was cut short.
func restoreFiles(files map[string]string) error {
	var errs []error
	for name := range files {
		err := os.Rename(aside(name), name)
		if errors.Is(err, fs.ErrNotExist) {
			if err = os.Remove(none(name)); err == nil {
				err = os.Remove(name)
			}
			if errors.Is(err, fs.ErrNotExist) { // nothing was put, or the script removed it
				err = nil
			}
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
