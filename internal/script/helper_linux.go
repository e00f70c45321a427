package script

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Names under which labinit runs this package: labinit NAME …
const (
	HelperName = "script-helper"
	stageName  = "script-stage"
)

// leashFD is where the helper finds the socket to maild.
const leashFD = 3

// Student is as whom a script runs.
type Student struct {
	Name string `json:"name"`
	UID  int    `json:"uid"`
	GID  int    `json:"gid"`
	Home string `json:"home"`
}

// Command is the helper, to be started by root with the leash as its descriptor 3.
func Command(program string, s Student, leash *os.File) (*exec.Cmd, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, HelperName, string(text))
	cmd.Env = []string{"PATH=/usr/bin:/bin"}
	cmd.Dir = "/"
	cmd.ExtraFiles = []*os.File{leash}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd, nil
}

// Main runs the helper or the stage when args (without the program's name) say so.
func Main(args []string) (mine bool, err error) {
	switch {
	case len(args) == 2 && args[0] == HelperName:
		return true, help(args[1])
	case len(args) == 2 && args[0] == stageName:
		return true, stage(args[1])
	}
	return false, nil
}

// help serves one request.
func help(student string) error {
	syscall.CloseOnExec(leashFD)
	leash := os.NewFile(leashFD, "leash")
	defer leash.Close()
	var s Student
	if err := json.Unmarshal([]byte(student), &s); err != nil || s.UID <= 0 || s.GID <= 0 {
		return fmt.Errorf("student %q: %w", student, errors.Join(err, syscall.EINVAL))
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("becoming what orphans fall back to: %w", err)
	}
	in := json.NewDecoder(io.LimitReader(leash, maxWire))
	var r Request
	if err := in.Decode(&r); err != nil {
		return fmt.Errorf("request: %w", err)
	}
	gone := make(chan struct{})
	go func() { // nothing more is sent: reading ends when maild wants the script to end
		_, _ = io.Copy(io.Discard, leash)
		close(gone)
	}()
	h := helper{student: s, request: r, gone: gone}
	out, err := h.run()
	if err != nil {
		out.Error = err.Error()
	}
	return json.NewEncoder(leash).Encode(out)
}

// helper runs one script.
type helper struct {
	student Student
	request Request
	gone    <-chan struct{}
}

func (h *helper) run() (Outcome, error) {
	defer h.restore()
	end, err := h.streams()
	if err != nil {
		return Outcome{}, err
	}
	defer end.close()
	begun := time.Now()
	cmd, failed, err := h.start(modeRun, end)
	if err != nil {
		return Outcome{}, err
	}
	ended := make(chan *os.ProcessState, 1)
	go func() {
		state, _ := cmd.Process.Wait() // the state says how it ended
		ended <- state
	}()
	end.begin(h.request.Stdin)
	var out Outcome
	var state *os.ProcessState
	tick := time.NewTicker(reapPause)
	defer tick.Stop()
	late := time.After(h.request.Time)
	for state == nil {
		select {
		case state = <-ended:
			h.settle(cmd.Process.Pid, late)
		case <-late:
			out.TimedOut = true
			killTree(cmd.Process.Pid)
			state = <-ended
		case <-h.gone:
			killTree(cmd.Process.Pid)
			state = <-ended
		case <-tick.C:
			reap(cmd.Process.Pid)
		}
	}
	out.Took = time.Since(begun)
	killTree(cmd.Process.Pid)
	out.Output, out.Cut = end.output()
	out.Exit = state.ExitCode()
	if text := told(failed, time.Now().Add(time.Second)); text != "" {
		return Outcome{}, errors.New(text)
	}
	return out, nil
}

// told is what a stage wrote. The deadline is for who traced it and took its end of the pipe elsewhere.
func told(failed *os.File, deadline time.Time) string {
	_ = failed.SetReadDeadline(deadline)
	text, _ := io.ReadAll(io.LimitReader(failed, 4096))
	return string(text)
}

const (
	reapPause = 200 * time.Millisecond
	// settlePause is how long what a script left in the background may go on: a mail that is being sent.
	settlePause = 2 * time.Second
)

// settle waits a moment for what the script left behind.
func (h *helper) settle(main int, late <-chan time.Time) {
	until := time.After(settlePause)
	for len(below(os.Getpid())) > 0 {
		reap(main)
		select {
		case <-until:
			return
		case <-late:
			return
		case <-h.gone:
			return
		case <-time.After(reapPause / 10):
		}
	}
}

// start starts a stage as the student. What keeps it from becoming the script it writes to failed, which is at its end
// when it became it.
func (h *helper) start(mode string, end *ends) (cmd *exec.Cmd, failed *os.File, err error) {
	text, err := json.Marshal(stageRequest{Mode: mode, Student: h.student, Request: h.request})
	if err != nil {
		return nil, nil, err
	}
	fd, err := unix.MemfdCreate("stage", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, nil, fmt.Errorf("memfd: %w", err)
	}
	request := os.NewFile(uintptr(fd), "stage")
	defer request.Close()
	if _, err := request.WriteAt(text, 0); err != nil {
		return nil, nil, err
	}
	failed, theirs, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer theirs.Close()
	cmd = exec.Command("/proc/self/exe", stageName, mode)
	cmd.Env = environment(h.student)
	cmd.Dir = "/"
	cmd.ExtraFiles = []*os.File{request, theirs}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setsid:     true,
		Credential: &syscall.Credential{Uid: uint32(h.student.UID), Gid: uint32(h.student.GID)},
	}
	if end != nil {
		cmd.Stdin, cmd.Stdout, cmd.Stderr = end.in, end.out, end.out
		cmd.SysProcAttr.Setctty = end.terminal
	}
	err = cmd.Start()
	if end != nil {
		end.handedOver()
	}
	if err != nil {
		failed.Close()
		return nil, nil, fmt.Errorf("becoming %s: %w", h.student.Name, err)
	}
	return cmd, failed, nil
}

// restorePatience is how long that may take. The stage is the student's, who can stop it from another session.
const restorePatience = 5 * time.Second

// restore has the student's own files put back. What is not put back is, before the next run with these files.
func (h *helper) restore() {
	if len(h.request.Files) == 0 {
		return
	}
	cmd, failed, err := h.start(modeRestore, nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, "script: putting files back:", err)
		return
	}
	defer failed.Close()
	late := time.AfterFunc(restorePatience, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	text := told(failed, time.Now().Add(restorePatience))
	state, err := cmd.Process.Wait()
	if err != nil || text != "" || !state.Success() {
		fmt.Fprintln(os.Stderr, "script: putting files back:", text, state, err)
	}
}

// environment is a login's, as sshd makes it.
func environment(s Student) []string {
	return []string{
		"PATH=/usr/local/bin:/usr/bin:/bin:/usr/games", "HOME=" + s.Home, "USER=" + s.Name, "LOGNAME=" + s.Name,
		"SHELL=/bin/bash", "MAIL=/var/mail/" + s.Name, "LANG=C.UTF-8", "TERM=dumb",
	}
}

// ends are a script's standard streams: pipes, or a terminal.
type ends struct {
	terminal bool
	in, out  *os.File // the script's; closed once it has them
	write    *os.File // what it reads
	read     *os.File // what it wrote

	mu    sync.Mutex
	last  time.Time // something was written
	text  kept
	drain sync.WaitGroup
}

func (h *helper) streams() (*ends, error) {
	if h.request.Terminal {
		return openTerminal(h.student)
	}
	in, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	read, out, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, in.Close(), write.Close())
	}
	return &ends{in: in, out: out, write: write, read: read}, nil
}

func (e *ends) handedOver() {
	e.in.Close()
	if e.out != e.in {
		e.out.Close()
	}
}

// begin reads what the script writes, and hands it its input.
func (e *ends) begin(stdin string) {
	e.drain.Go(func() {
		buf := make([]byte, 32<<10)
		for {
			n, err := e.read.Read(buf)
			e.mu.Lock()
			_, _ = e.text.Write(buf[:n])
			e.last = time.Now()
			e.mu.Unlock()
			if err != nil { // the last writer has gone; of a terminal that is EIO
				return
			}
		}
	})
	go func() {
		if e.terminal {
			e.typeLines(stdin)
			return
		}
		_, _ = io.Copy(e.write, bytes.NewReader([]byte(stdin))) // it need not read all, nor any
		e.write.Close()
	}()
}

// output is what was written, once nobody is left who writes.
func (e *ends) output() (string, bool) {
	_ = e.read.SetReadDeadline(time.Now().Add(time.Second)) // all have ended: what is there is there
	e.drain.Wait()
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.text.String(), e.text.cut
}

func (e *ends) close() {
	e.write.Close()
	e.read.Close()
}
