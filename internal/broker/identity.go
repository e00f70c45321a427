//go:build linux

package broker

import (
	"context"
	"errors"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// crew is a few threads that take on users' file system identities. The invariants:
//   - a thread of the crew runs nothing but jobs, and is never given back to the Go scheduler: when it has an identity,
//     no other goroutine runs on it;
//   - setfsuid reports no error (setfsuid(2), BUGS), so each change is read back before anything is done with it;
//   - a thread whose identity cannot be set back dies, and the process with it: that would be a bug in the kernel or
//     a capability that was never there.
//
// Their number bounds how many threads the broker costs, as a Go program dies when it reaches a limit on pids.
type crew struct {
	jobs chan job
}

// job is parts that a thread does one after the other.
type job struct {
	parts []part
	done  chan error
}

// part is what is done with one identity.
type part struct {
	uid, gid int
	do       func()
}

func newCrew(ctx context.Context, threads int) *crew {
	c := &crew{jobs: make(chan job)}
	for range threads {
		go c.work(ctx)
	}
	return c
}

// as runs do with the file system identity uid:gid and no supplementary group (labinit has given up its own).
func (c *crew) as(ctx context.Context, uid, gid int, do func()) error {
	return c.all(ctx, part{uid, gid, do})
}

// all runs parts one after the other, on one thread: to be given one costs more than most of what is done there.
func (c *crew) all(ctx context.Context, parts ...part) error {
	j := job{parts, make(chan error, 1)}
	select {
	case c.jobs <- j:
		return <-j.done
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *crew) work(ctx context.Context) {
	runtime.LockOSThread() // and never unlocked: the thread ends with this goroutine
	for {
		select {
		case j := <-c.jobs:
			j.done <- j.run()
		case <-ctx.Done():
			return
		}
	}
}

func (j job) run() (err error) {
	for _, p := range j.parts {
		err = errors.Join(err, p.run())
	}
	return err
}

func (p part) run() error {
	home := identity{unix.Geteuid(), unix.Getegid()}
	defer func() {
		if !home.take() {
			panic("broker: a thread cannot get its own identity back")
		}
	}()
	if !(identity{p.uid, p.gid}).take() {
		return syscall.EPERM
	}
	p.do()
	return nil
}

// identity is a thread's fsuid and fsgid.
type identity struct{ uid, gid int }

// take puts the identity on, group first while there is still the right to, and tells whether it is on.
func (i identity) take() bool {
	if i.uid == unix.Geteuid() { // going home: the user first, it brings the right back
		_ = unix.Setfsuid(i.uid)
	}
	_ = unix.Setfsgid(i.gid)
	_ = unix.Setfsuid(i.uid)
	uid, _ := unix.SetfsuidRetUid(-1) // changes nothing, returns what is on
	gid, _ := unix.SetfsgidRetGid(-1)
	return uid == i.uid && gid == i.gid
}
