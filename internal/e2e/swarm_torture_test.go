//go:build linux

package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"maillab/internal/machines"
)

// tortured is set to how often a machine is to be killed.
const tortured = "MAILLAB_TORTURE_SWARM"

// interval is how often what changed is copied.
const interval = 20 * time.Second

// TestSwarmTorture kills one of three machines after the other, each a manager, while mail comes in for twelve seats, at any moment between
// two copies. Every seat is back each time; what was acknowledged and is lost is younger than an interval, and is counted by its age.
func TestSwarmTorture(t *testing.T) {
	kills, err := strconv.Atoi(os.Getenv(tortured))
	if err != nil {
		t.Skipf("%s says how often a machine is to be killed", tortured)
	}
	c, all := newSwarm(t, "torture", 3)
	c.run("up", "-f", copyEvery(t, c, interval.String()), "--students", fmt.Sprint(inClass), "--listen", "0.0.0.0", "--base", "24000", "-y")
	a := &agony{t: t, c: c, all: all, was: c.status()}
	a.load = newMailing(a.was, all.All)
	t.Logf("%4s %-6s %5s %6s %8s %8s %8s %12s %12s %12s", "kill", "what", "seats", "copies", "gone", "back", "acked", "lost <=1/2", "<=1", ">1 interval")
	done := 0
	for ; done < kills && !a.late(); done++ {
		a.kill(done+1, all.All[done%len(all.All)])
	}
	a.load.stop()
	a.report(done)
}

// agony is a class whose machines die.
type agony struct {
	t    *testing.T
	c    *class
	all  *machines.Machines
	was  status
	load *mailing

	lost  [3]int // messages, by age in intervals: up to a half, one, more
	acked int
	ages  []time.Duration
	back  []time.Duration
	seats int
}

// late tells whether there is no time for one kill more.
func (a *agony) late() bool {
	end, is := a.t.Deadline()
	return is && time.Until(end) < 6*time.Minute
}

// kill has one machine die, and come back.
func (a *agony) kill(k int, dead *machines.Machine) {
	t := a.t
	t.Helper()
	living := slices.DeleteFunc(slices.Clone(a.all.All), func(m *machines.Machine) bool { return m == dead })
	awaitCopies(t, a.c, inClass, time.Now())
	there := seatsOn(t, dead, a.c.name)
	a.seats += len(there)
	select { // any moment between two copies
	case <-time.After(rand.N(interval)):
	case <-t.Context().Done():
	}
	killed := time.Now()
	dead.Kill()
	a.load.goBy(living)
	copies := a.c.awaitGone(dead)
	gone := time.Since(killed)
	code, _, errs := a.c.try(t.Context(), "up", "-y")
	if code != 0 {
		t.Fatalf("kill %d: up -y: exit code %d\n%s", k, code, errs)
	}
	a.load.more(t)
	back := time.Since(killed)
	a.back = append(a.back, back)
	for n, s := range a.c.status().Sandboxes {
		if s.State != "ready" || s.Addresses["smtp"] != a.was.Sandboxes[n].Addresses["smtp"] {
			t.Errorf("kill %d: seat %d is %s at %s", k, s.Seat, s.State, s.Addresses["smtp"])
		}
	}
	once(t, a.c, living)
	lost := a.account(k, killed, copies)
	acked := a.load.count()
	t.Logf("%4d %-6s %5d %6d %8s %8s %8d %12d %12d %12d", k, dead.Name, len(there), len(copies), gone.Round(100*time.Millisecond), back.Round(100*time.Millisecond),
		acked-a.acked, lost[0], lost[1], lost[2])
	a.acked = acked
	comesBack(t, a.c, a.all, dead)
	a.load.goBy(a.all.All)
}

// account finds out what is lost.
func (a *agony) account(k int, killed time.Time, copies map[int]time.Time) (lost [3]int) {
	for _, m := range a.load.missing(a.t) {
		at, moved := copies[m.seat]
		if !moved || m.at.Before(at) {
			a.t.Errorf("kill %d: seat %d: %s was acknowledged at %s and is not there; its copy is of %s", k, m.seat, m.subject, m.at, at)
		}
		age := killed.Sub(m.at)
		a.ages = append(a.ages, age)
		switch {
		case age <= interval/2:
			lost[0]++
		case age <= interval:
			lost[1]++
		default:
			lost[2]++
			a.t.Errorf("kill %d: seat %d: %s was acknowledged %s before the machine died, and is lost; its copy is of %s, %s before", k, m.seat, m.subject,
				age.Round(time.Millisecond), at.Format(time.TimeOnly), killed.Sub(at).Round(time.Millisecond))
		}
	}
	for n := range lost {
		a.lost[n] += lost[n]
	}
	return lost
}

// count is how many messages were acknowledged and are there.
func (l *mailing) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, served := range l.served {
		n += served
	}
	return n
}

// report says what became of all of it.
func (a *agony) report(kills int) {
	slices.Sort(a.ages)
	slices.Sort(a.back)
	var said strings.Builder
	fmt.Fprintf(&said, "%d kills, %d seats placed anew, %d messages acknowledged, lost by age in intervals of %s: %d up to a half, %d up to one, %d older\n",
		kills, a.seats, a.load.count(), interval, a.lost[0], a.lost[1], a.lost[2])
	if len(a.ages) > 0 {
		fmt.Fprintf(&said, "age of what was lost: middle %s, oldest %s\n", a.ages[len(a.ages)/2].Round(time.Millisecond), a.ages[len(a.ages)-1].Round(time.Millisecond))
	}
	if len(a.back) > 0 {
		fmt.Fprintf(&said, "from the kill until every seat has taken mail again: middle %s, longest %s", a.back[len(a.back)/2].Round(time.Second), a.back[len(a.back)-1].Round(time.Second))
	}
	a.t.Log(said.String())
}
