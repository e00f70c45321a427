//go:build linux

package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// TestPageSpeed measures the page of classes of MAILLAB_BENCH_WEB students ("30,300"): how soon the server has sent a student's first
// page, what a key's echo takes beside SSH alone, with up to thirty terminals in use, what the page's process holds then, and the
// share of a processor that a teacher's board takes of it. Like TestClassSpeed it holds nothing to a bound: make bench-web.
func TestPageSpeed(t *testing.T) {
	measureSizes(t, "MAILLAB_BENCH_WEB", "students\tterminals\tfirst page\t95 %\techo by SSH\t95 %\tby the page\t95 %\tratio\tMiB\tboard at rest\tat work\tdialogues/s", measurePage)
}

// pageTerminals is how many of a class have a terminal open on the page.
const pageTerminals = 30

func measurePage(t *testing.T, w io.Writer, n int) {
	c := newClass(t, fmt.Sprintf("page-speed-%d", n))
	c.run("up", "-y", "-f", "amiens-smtp-pop-imap", "--students", strconv.Itoa(n), "--web", "--base", "2000") // from there 300 have their ports below the ephemeral ones
	defer c.run("down", "-y")
	link := c.page()
	seats := c.status().Sandboxes
	pid := pageProcess(t, c)
	var students []*browser
	var screens []*screenOf
	for _, s := range seats[:min(n, pageTerminals)] {
		b := &browser{t: t, page: link.Address, client: newClient(t)}
		b.post("login", url.Values{"name": {s.Student}, "password": {"master2021"}}, http.StatusSeeOther)
		students, screens = append(students, b), append(screens, b.openTerminal())
	}
	stop := inUse(t, screens[1:])
	first := spans(50, func() { students[0].get("") })
	direct := shellAt(t, seats[0].Addresses["ssh"])
	byPage, bySSH := echoes(screens[0], direct)
	held := anonymousMiB(t, pid)
	stop()

	follow(t, link.teacher(t))
	rest := share(t, pid, func() float64 { time.Sleep(boardSpan); return 0 })
	work := share(t, pid, func() float64 { return atWork(t, seats, boardSpan) })
	row := fmt.Sprintf("%d\t%d\t%v\t%v\t%v\t%v\t%v\t%v\t%.2f\t%.0f\t%.1f %%\t%.1f %%\t%.1f\n", n, len(screens), first[0], first[1], bySSH[0], bySSH[1], byPage[0], byPage[1],
		float64(byPage[1])/float64(bySSH[1]), held, 100*rest.busy, 100*work.busy, work.rate)
	t.Log(row)
	fmt.Fprint(w, row)
}

// spans are the middle and the 95th percentile of how long something takes.
func spans(n int, do func()) (at [2]time.Duration) {
	var all []time.Duration
	for range n {
		begun := time.Now()
		do()
		all = append(all, time.Since(begun))
	}
	return percentiles(all)
}

func percentiles(all []time.Duration) [2]time.Duration {
	slices.Sort(all)
	round := func(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }
	return [2]time.Duration{round(all[len(all)/2]), round(all[len(all)*95/100])}
}

// keyPause is the time between two keys of somebody who types.
const keyPause = 200 * time.Millisecond

// inUse has somebody type at each of some terminals until stop is called.
func inUse(t *testing.T, screens []*screenOf) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for i, s := range screens {
		all.Go(func() {
			for { // what is shown is taken; what ends, ends at stop
				if _, _, err := s.conn.Read(ctx); err != nil {
					return
				}
			}
		})
		all.Go(func() {
			time.Sleep(keyPause * time.Duration(i) / time.Duration(len(screens)))
			for turn := 0; ctx.Err() == nil; turn++ {
				key := "x"
				if turn%40 == 39 {
					key = "\x15"
				}
				s.sends(key)
				time.Sleep(keyPause)
			}
		})
	}
	return func() { cancel(); all.Wait() }
}

// typist is a shell by SSH alone.
type typist struct {
	in  io.Writer
	out *bufio.Reader
}

func shellAt(t *testing.T, address string) typist {
	t.Helper()
	session, err := login(t, address, "util1", "master2021").NewSession()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Close() })
	in, inErr := session.StdinPipe()
	out, outErr := session.StdoutPipe()
	if inErr != nil || outErr != nil {
		t.Fatal(inErr, outErr)
	}
	if err := session.RequestPty("xterm", 40, 90, ssh.TerminalModes{}); err != nil {
		t.Fatal(err)
	}
	if err := session.Shell(); err != nil {
		t.Fatal(err)
	}
	s := typist{in, bufio.NewReader(out)}
	s.key(t, "z", "z")
	return s
}

// key types one, and waits for its echo.
func (s typist) key(t *testing.T, key, echo string) {
	t.Helper()
	if _, err := io.WriteString(s.in, key); err != nil {
		t.Fatal(err)
	}
	if _, err := s.out.ReadString(echo[len(echo)-1]); err != nil {
		t.Fatal(err)
	}
}

// echoes is how long a key's echo takes, by the page and by SSH alone, in turns.
func echoes(s *screenOf, direct typist) (byPage, bySSH [2]time.Duration) {
	var page, alone []time.Duration
	for turn := range 200 {
		if turn%20 == 0 {
			s.sends("\x15clear\r")
			s.shows("$")
			s.sends("# :")
			s.shows("# :")
		}
		mark := "# :" + strings.Repeat("q", turn%20+1)
		time.Sleep(keyPause / 4)
		begun := time.Now()
		s.sends("q")
		s.shows(mark)
		page = append(page, time.Since(begun))
		time.Sleep(keyPause / 4)
		begun = time.Now()
		direct.key(s.t, "q", "q")
		alone = append(alone, time.Since(begun))
		if turn%20 == 19 {
			direct.key(s.t, "\x15z", "z")
			s.rows = map[int]string{}
		}
	}
	return percentiles(page), percentiles(alone)
}

// pageProcess is the page's process, as this machine counts.
func pageProcess(t *testing.T, c *class) string {
	t.Helper()
	out, err := exec.Command("docker", "inspect", "-f", "{{.State.Pid}}", "maillab-"+c.name+"-web").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// anonymousMiB is what a process holds of memory itself, without the pages of its program.
func anonymousMiB(t *testing.T, pid string) float64 {
	t.Helper()
	text, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "RssAnon:")
	fields := strings.Fields(rest)
	kib, err := strconv.ParseFloat(fields[0], 64)
	if err != nil {
		t.Fatal(err)
	}
	return kib / 1024
}

// boardSpan is how long a board is watched.
const boardSpan = 30 * time.Second

// load is what a process took of one processor, and how many dialogues ended in a second meanwhile.
type load struct{ busy, rate float64 }

// share measures a process while something is done; that returns how much was done.
func share(t *testing.T, pid string, do func() float64) load {
	t.Helper()
	before, begun := ticks(t, pid), time.Now()
	done := do()
	took := time.Since(begun).Seconds()
	return load{float64(ticks(t, pid)-before) / 100 / took, done / took} // USER_HZ is 100 everywhere
}

// ticks is the processor time of a process.
func ticks(t *testing.T, pid string) int {
	t.Helper()
	text, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	user, userErr := strconv.Atoi(fields[11])
	system, systemErr := strconv.Atoi(fields[12])
	if userErr != nil || systemErr != nil {
		t.Fatal(userErr, systemErr)
	}
	return user + system
}

// follow has a teacher's browser listen to its board until the test ends.
func follow(t *testing.T, teacher *browser) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, teacher.page+"board-events", nil)
	if err != nil {
		t.Fatal(err)
	}
	listener := *teacher.client
	listener.Timeout = 0
	response, err := listener.Do(request)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatal(response, err)
	}
	t.Cleanup(func() { response.Body.Close() })
	go func() { _, _ = io.Copy(io.Discard, response.Body) }()
}

// workPause is the time between two dialogues of one student.
const workPause = time.Minute

// atWork has the class work for a while: each student has a dialogue a minute. It returns how many there were.
func atWork(t *testing.T, seats []sandboxStatus, span time.Duration) float64 {
	var done atomic.Int64
	end := time.Now().Add(span)
	var all sync.WaitGroup
	for i, s := range seats {
		at := time.Now().Add(workPause * time.Duration(i) / time.Duration(len(seats)))
		if at.After(end) {
			break
		}
		all.Go(func() {
			time.Sleep(time.Until(at))
			conn, err := textproto.Dial("tcp", s.Addresses["smtp"])
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			for _, line := range []string{"", "HELO pc", "MAIL FROM:<util1>", "RCPT TO:<util11>", "QUIT"} {
				if line != "" {
					err = conn.PrintfLine("%s", line)
				}
				if err == nil {
					_, _, err = conn.ReadResponse(2)
				}
				if err != nil {
					t.Error(line, err)
					return
				}
			}
			done.Add(1)
		})
	}
	time.Sleep(time.Until(end))
	all.Wait()
	return float64(done.Load())
}
