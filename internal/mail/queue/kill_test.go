package queue

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"maillab/internal/mail"
	"maillab/internal/spec"
)

// TestMain lets the test binary be the daemon that is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("MAILLAB_TEST_QUEUE"); dir != "" {
		accept(dir, os.Getenv("MAILLAB_TEST_RELAY"))
		return
	}
	os.Exit(m.Run())
}

// killConfig is the same queue for the daemon that is killed and for the one that takes over.
func killConfig(dir, relay string, log Log) Config {
	return Config{
		Dir: dir, Hostname: "h.example", Domain: "d.example", Relay: relay, Log: log, Accounts: people{},
		Outside:   []spec.Outside{{Domain: "never.example", MX: "mx", Address: "192.0.2.25"}},
		Mailboxes: &spool{boxes: map[string]string{}}, Waiting: 1 << 20,
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			if strings.HasPrefix(address, "192.0.2.") {
				return timeouts(ctx, network, address)
			}
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	}
}

// accept takes messages from four senders as fast as it can and prints the ID of each that it acknowledges, until it
// is killed.
func accept(dir, relay string) {
	q, err := New(killConfig(dir, relay, &journalLog{}))
	if err != nil {
		fmt.Println("error:", err)
		return
	}
	go func() { _ = q.Run(context.Background()) }()
	said := make(chan string)
	for range 4 {
		go func() {
			for {
				env := &mail.Envelope{ID: q.NewID(), ClientAddr: "192.0.2.1", Sender: mail.Address{Full: "s@d.example"},
					Recipients: []mail.Recipient{{Address: mail.Address{Typed: "a@far.example"}}, {Address: mail.Address{Typed: "b@never.example"}}}}
				body := strings.NewReader("Subject: x\r\n\r\n" + strings.Repeat("a line of the body\r\n", 200))
				if err := q.Accept(context.Background(), env, body); err != nil {
					said <- "error: " + err.Error()
					return
				}
				said <- env.ID
			}
		}()
	}
	for id := range said {
		fmt.Println(id)
	}
}

// TestKilled kills a daemon under load again and again. Afterwards every message that it acknowledged is with the relay
// or in the queue, whole, and each is still to be delivered to whom it was not.
func TestKilled(t *testing.T) {
	relay, address := startSink(t, nil)
	dir := t.TempDir()
	kills := 3
	if !testing.Short() {
		kills = 8
	}
	acknowledged := map[string]bool{}
	for round := range kills {
		for _, id := range killAfter(t, dir, address, 5+round*20) {
			acknowledged[id] = true
		}
	}

	log := &journalLog{}
	q, err := New(killConfig(dir, address, log))
	if err != nil {
		t.Fatal(err)
	}
	if broken, _ := os.ReadDir(dir + "/corrupt"); len(broken) > 0 {
		t.Errorf("%d torn queue files, want none: they are renamed when whole", len(broken))
	}
	left := map[string]bool{}
	for _, item := range q.List() {
		left[item.ID] = true
		if _, err := q.store.text(q.entries[item.ID]); err != nil {
			t.Errorf("%s: %v", item.ID, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- q.Run(ctx) }()
	q.Flush()
	until(t, "the relay has everything", func() bool {
		for _, item := range q.List() {
			if item.Active || len(item.Recipients) > 1 || item.Recipients[0].Address != "b@never.example" {
				return false
			}
		}
		return true
	})
	cancel()
	<-ended
	got := relay.count()
	lost, twice := 0, 0
	for id := range acknowledged {
		if !left[id] { // b@never.example is never through
			t.Errorf("%s was acknowledged and is not in the queue", id)
		}
		switch {
		case got[id] == 0:
			lost++
		case got[id] > 1:
			twice++
		}
	}
	t.Logf("%d kills, %d messages acknowledged, %d lost, %d twice at the relay", kills, len(acknowledged), lost, twice)
	if lost > 0 || len(acknowledged) == 0 {
		t.Errorf("%d of %d acknowledged messages are lost", lost, len(acknowledged))
	}
}

// killAfter runs the daemon until it has acknowledged n messages, kills it, and returns all that it acknowledged.
func killAfter(t *testing.T, dir, relay string, n int) (ids []string) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), "MAILLAB_TEST_QUEUE="+dir, "MAILLAB_TEST_RELAY="+relay)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	guard := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() }) // only bounds a broken daemon
	defer guard.Stop()
	in := bufio.NewReader(out)
	for {
		line, err := in.ReadString('\n')
		if strings.HasPrefix(line, "error") {
			t.Error(line)
		}
		if err == io.EOF || !strings.HasSuffix(line, "\n") {
			break
		}
		if ids = append(ids, strings.TrimSpace(line)); len(ids) == n {
			_ = cmd.Process.Kill()
		}
	}
	_ = cmd.Wait()
	return ids
}

// count tells how often each message came, by the queue ID in its Received header.
func (s *sink) count() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := map[string]int{}
	for _, m := range s.mails {
		_, rest, _ := strings.Cut(m, " id ")
		id, _, _ := strings.Cut(rest, ";")
		n[strings.TrimSpace(id)]++
	}
	return n
}
