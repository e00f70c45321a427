// Package script runs a student's script as that student, for a check: with a terminal or without, with arguments,
// files and input, within limits on time, processor, memory, processes and output.
//
// Three processes take part. maild asks (Do), over a socket that labinit hands to a helper; the helper (Help) is root,
// reads nothing from the network, and does nothing else in its life; it starts a stage (Stage), which is the student:
// it puts the files into place, takes the limits on, and becomes the script.
//
// It promises: whatever the script started has ended when Do returns, also what it put into the background or into a
// session of its own: the helper is what orphans fall back to (PR_SET_CHILD_SUBREAPER), so nothing below it gets away.
// The script has the student's rights and no way to more (no_new_privs), none of our descriptors and none of our
// environment. When maild goes away, the script is ended.
//
// On the wire there is one JSON object each way: a Request, then an Outcome. Closing the writing half ends the script.
package script

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// Request is what is to be run.
type Request struct {
	Script   string            `json:"script"` // absolute, or below the home
	Args     []string          `json:"args,omitempty"`
	Stdin    string            `json:"stdin,omitempty"`
	Terminal bool              `json:"terminal,omitempty"` // Stdin is typed, a line when the script waits for one
	Files    map[string]string `json:"files,omitempty"`    // put into the home by name; what was there comes back afterwards
	Time     time.Duration     `json:"time"`
	Limits   Limits            `json:"limits"`
}

// Limits of a script; 0 is none.
type Limits struct {
	Processes int   `json:"processes"` // of the account, its sessions included (RLIMIT_NPROC)
	FileBytes int64 `json:"fileBytes"` // of one file (RLIMIT_FSIZE)
}

// Outcome is how it ended.
type Outcome struct {
	Output   string        `json:"output"` // its beginning and its end when it is too long
	Cut      bool          `json:"cut,omitempty"`
	Exit     int           `json:"exit"` // -1: ended by a signal
	TimedOut bool          `json:"timedOut,omitempty"`
	Took     time.Duration `json:"took"`
	Error    string        `json:"error,omitempty"` // it could not be run
}

const (
	// maxOutput is how much of what a script writes is kept, in octets.
	maxOutput = 64 << 10
	// memory is what one process of a script may map (RLIMIT_AS): python and perl need less than half of it.
	memory = 512 << 20
	// maxWire bounds a Request and an Outcome.
	maxWire = 8 << 20
)

// Do asks the helper at the other end of conn, and closes it. When stop is closed the script is ended, which is how one
// that serves ends; when ctx ends, too.
func Do(ctx context.Context, conn net.Conn, r Request, stop <-chan struct{}) (Outcome, error) {
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if err := json.NewEncoder(conn).Encode(r); err != nil {
		return Outcome{}, fmt.Errorf("script %s: %w", r.Script, err)
	}
	answered := make(chan struct{})
	defer close(answered)
	go func() {
		select {
		case <-stop:
			if half, ok := conn.(interface{ CloseWrite() error }); ok {
				_ = half.CloseWrite() // or it has ended already
			}
		case <-answered:
		}
	}()
	var out Outcome
	err := json.NewDecoder(io.LimitReader(conn, maxWire)).Decode(&out)
	switch {
	case ctx.Err() != nil:
		return Outcome{}, fmt.Errorf("script %s: %w", r.Script, ctx.Err())
	case err != nil:
		return Outcome{}, fmt.Errorf("script %s: the helper: %w", r.Script, err)
	case out.Error != "":
		return Outcome{}, errors.New(out.Error)
	}
	return out, nil
}

// kept is a writer that keeps the beginning and the end of what is written.
type kept struct {
	head, tail []byte
	cut        bool
}

func (k *kept) Write(p []byte) (int, error) {
	n := len(p)
	if room := maxOutput/2 - len(k.head); room > 0 {
		take := min(room, len(p))
		k.head = append(k.head, p[:take]...)
		p = p[take:]
	}
	k.tail = append(k.tail, p...)
	if over := len(k.tail) - maxOutput/2; over > 0 {
		k.tail = append(k.tail[:0], k.tail[over:]...)
		k.cut = true
	}
	return n, nil
}

func (k *kept) String() string {
	if k.cut {
		return string(k.head) + "\n[…]\n" + string(k.tail)
	}
	return string(k.head) + string(k.tail)
}
