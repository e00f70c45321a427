// Package rollcall is a look at the machines of a swarm from within: a task on each says how it is there, and whether it reaches the
// others. On a swarm nobody else can tell: a manager knows of a node what its engine said when it joined.
//
// Each listens at one port, at which it says what time it is, and calls the others there. What it saw is one line of JSON, a
// Report, on its standard output.
package rollcall

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Order is what each is told.
type Order struct {
	Port  int // at which each listens
	Nodes []Node
}

// Node is one of those that are called.
type Node struct {
	ID      string
	Address string
	Manager bool
}

// Ports of Swarm's own.
const (
	ManagerPort = 2377 // of managers, TCP
	GossipPort  = 7946 // of all nodes, TCP and UDP
)

// Report is what a node saw.
type Report struct {
	Node     string // its ID
	Busy     string // why it could not listen, "" when it did
	Swap     int64  // bytes of swap that the machine has
	Filtered bool   // its engine filters system calls
	Calls    []Call
}

// Call is one node called by another.
type Call struct {
	To     string // ID
	Port   int
	Failed string        // "" when it was reached
	Ahead  time.Duration // by how much its clock is ahead of the caller's
	Within time.Duration // Ahead is right within this; 0 when it said no time
}

// Answer is a node's: Serve says the time to who comes until ctx ends, See is what is seen meanwhile. Nobody is waited for longer than
// patience: the others are started at other times.
func Answer(ctx context.Context, o Order, self string, patience time.Duration) Report {
	r := Report{Node: self, Swap: swap("/proc/swaps"), Filtered: filtered("/proc/self/status")}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort("", strconv.Itoa(o.Port)))
	if err != nil {
		r.Busy = err.Error()
	} else {
		context.AfterFunc(ctx, func() { listener.Close() })
		go tell(listener)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r.Calls = callAll(ctx, o, self)
	return r
}

// tell says what time it is to everybody who comes.
func tell(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		_ = conn.SetWriteDeadline(time.Now().Add(answerWithin))
		fmt.Fprintf(conn, "%d\n", time.Now().UnixNano())
		conn.Close()
	}
}

// callAll calls every other node at the port of the roll call and at those of Swarm, side by side.
func callAll(ctx context.Context, o Order, self string) []Call {
	var calls []Call
	for _, n := range o.Nodes {
		if n.ID == self {
			continue
		}
		calls = append(calls, Call{To: n.ID, Port: o.Port}, Call{To: n.ID, Port: GossipPort})
		if n.Manager {
			calls = append(calls, Call{To: n.ID, Port: ManagerPort})
		}
	}
	var all sync.WaitGroup
	for i := range calls {
		all.Go(func() { calls[i].make(ctx, addressOf(o, calls[i].To), calls[i].Port == o.Port) })
	}
	all.Wait()
	return calls
}

func addressOf(o Order, id string) string {
	for _, n := range o.Nodes {
		if n.ID == id {
			return n.Address
		}
	}
	return ""
}

const (
	again        = 200 * time.Millisecond // between two tries
	answerWithin = 2 * time.Second
)

// make tries until it is answered. What listens there already, a gateway, says no time: it is reached all the same.
func (c *Call) make(ctx context.Context, address string, says bool) {
	for {
		began := time.Now()
		conn, err := (&net.Dialer{Timeout: answerWithin}).DialContext(ctx, "tcp", net.JoinHostPort(address, strconv.Itoa(c.Port)))
		if err == nil {
			c.Failed = ""
			if says {
				c.compare(conn, began)
			}
			conn.Close()
			return
		}
		if c.Failed == "" || ctx.Err() == nil { // that it was broken off says nothing
			c.Failed = err.Error()
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(again):
		}
	}
}

// compare reads what time it is there.
func (c *Call) compare(conn net.Conn, began time.Time) {
	_ = conn.SetReadDeadline(began.Add(2 * answerWithin))
	line, err := bufio.NewReader(conn).ReadString('\n')
	ended := time.Now()
	nanoseconds, wrong := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	if err != nil || wrong != nil {
		return
	}
	half := ended.Sub(began) / 2
	c.Ahead, c.Within = time.Unix(0, nanoseconds).Sub(began.Add(half)), max(half, 1)
}

// swap is how much of it a machine has in use or ready, in bytes.
func swap(file string) (bytes int64) {
	text, _ := os.ReadFile(file)
	for n, line := range strings.Split(string(text), "\n") {
		if words := strings.Fields(line); n > 0 && len(words) > 2 {
			kilobytes, _ := strconv.ParseInt(words[2], 10, 64)
			bytes += kilobytes << 10
		}
	}
	return bytes
}

// filtered tells of a process whether its system calls are.
func filtered(file string) bool {
	text, _ := os.ReadFile(file)
	for line := range bytes.Lines(text) {
		if rest, is := bytes.CutPrefix(line, []byte("Seccomp:")); is {
			return string(bytes.TrimSpace(rest)) == "2"
		}
	}
	return false
}

// What a task may take: seeWithin for what it sees, stayFor for others that began later, and for whoever reads what it said.
const (
	seeWithin = 10 * time.Second
	stayFor   = time.Minute
)

// Run is a task: order is an Order as JSON, self its node's ID. It ends by itself.
func Run(ctx context.Context, order, self string, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, stayFor)
	defer cancel()
	var o Order
	if err := json.Unmarshal([]byte(order), &o); err != nil {
		return fmt.Errorf("order: %w", err)
	}
	if err := json.NewEncoder(out).Encode(Answer(ctx, o, self, seeWithin)); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}
