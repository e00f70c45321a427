//go:build linux

package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/client"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"maillab/images"
	"maillab/internal/deploy"
	"maillab/internal/engine"
	"maillab/internal/engine/docker"
	"maillab/internal/machines"
)

// TestSwarmSpeed measures classes of MAILLAB_BENCH_SWARM students ("30,100,300") on three machines with a swarm, beside as many bare
// services of the same image on the same swarm, and beside the docker engine of one of those machines, in the same run, and prints a
// table: the time by the clock, and the processor time of all engines and of the command. The figures belong to the machine: it holds
// them to no bound. It is what docs/scale.md is made from: make bench-swarm.
func TestSwarmSpeed(t *testing.T) {
	if os.Getenv("MAILLAB_BENCH_SWARM") == "" {
		t.Skip("MAILLAB_BENCH_SWARM=30,100 measures")
	}
	c, all := newSwarm(t, "bench", 1)
	if _, err := all.Processor(); err != nil {
		t.Skip(err)
	}
	measureSizes(t, "MAILLAB_BENCH_SWARM", "students\twhat\tload\tup\tup again\tstatus\treset\tcheck\tdown", func(t *testing.T, w io.Writer, n int) {
		measureSwarm(t, w, c, all, n)
	})
}

func measureSwarm(t *testing.T, w io.Writer, onSwarm *class, all *machines.Machines, n int) {
	one := newClass(t, fmt.Sprintf("bench-%d", n))
	one.env.Engines = []deploy.Maker{{Name: "docker", Make: func(ctx context.Context) (engine.Engine, error) {
		return docker.Open(ctx, docker.Config{Endpoint: docker.Endpoint{Host: all.All[0].Host()}})
	}}}
	for _, c := range []*class{onSwarm, one} { // engines are awake, and have begun a container of the image each
		c.run("up", "-f", "amiens-smtp-pop-imap", "--students", "3")
		c.run("down", "-y")
	}
	bare := bareServices(t, all, n)
	ours := measureVerbs(onSwarm, all, n)
	beside := measureVerbs(one, all, n)
	ratio := func(a, b spent) string {
		return fmt.Sprintf("%.2f (%.2f)", a.clock.Seconds()/b.clock.Seconds(), a.processor.Seconds()/b.processor.Seconds())
	}
	var row strings.Builder
	for _, m := range []struct {
		name string
		verbTimes
	}{{"bare services", bare}, {"swarm", ours}, {"docker", beside}} {
		fmt.Fprintf(&row, "%d\t%s\t%s", n, m.name, m.load)
		for _, s := range m.took {
			fmt.Fprintf(&row, "\t%s", s)
		}
		fmt.Fprintln(&row)
	}
	fmt.Fprintf(&row, "%d\tswarm to bare\t\t%s\t\t\t\t\t%s\n", n, ratio(ours.took[0], bare.took[0]), ratio(ours.took[5], bare.took[5]))
	fmt.Fprintf(&row, "%d\tswarm to docker\t", n)
	for i := range ours.took {
		fmt.Fprintf(&row, "\t%s", ratio(ours.took[i], beside.took[i]))
	}
	fmt.Fprintln(&row)
	t.Log("\n" + row.String()) // also when a later size takes too long
	fmt.Fprint(w, row.String())
}

// spent is what something took: by the clock, and of all processors.
type spent struct{ clock, processor time.Duration }

func (s spent) String() string {
	if s.clock == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f s (%.1f s)", s.clock.Seconds(), s.processor.Seconds())
}

// verbTimes are what up, up again, status, reset, check and down took, and the load average before.
type verbTimes struct {
	load string
	took [6]spent
}

func measureVerbs(c *class, all *machines.Machines, n int) verbTimes {
	v := verbTimes{load: loadNow()}
	for i, args := range [][]string{{"up", "-f", "amiens-smtp-pop-imap", "--base", "2000", "--students", fmt.Sprint(n)}, {"up"}, {"status", "-o", "json"}, {"reset"}, {"check", "-o", "json"}, {"down", "-y"}} {
		v.took[i] = spending(c.t, all, func() {
			code, _, errs := c.try(c.t.Context(), args...)
			if code == 3 { // on a machine that is busy with other things, too, one of many may not answer in time
				c.t.Logf("%v once more:\n%s", args, errs[strings.LastIndex(errs, "maillab: "):])
				code, _, errs = c.try(c.t.Context(), args...)
			}
			if code != 0 && args[0] != "check" { // nothing is solved: exit code 4
				c.t.Fatalf("%v: exit code %d\n%s", args, code, errs)
			}
			if args[0] == "down" {
				awaitNothing(c.t, all, "maillab-"+c.name)
			}
		})
	}
	return v
}

// awaitNothing returns when no machine has any containers and volumes of that prefix.
func awaitNothing(t *testing.T, all *machines.Machines, prefix string) {
	t.Helper()
	for _, m := range all.All {
		if err := m.AwaitNothing(t.Context(), 5*time.Minute, prefix); err != nil { // Swarm alone takes more than one for three hundred services
			t.Fatal(err)
		}
	}
}

// spending measures what something takes, of all machines and of this process.
func spending(t *testing.T, all *machines.Machines, do func()) spent {
	t.Helper()
	used := func() time.Duration {
		var self unix.Rusage
		engines, err := all.Processor()
		if err := errors.Join(err, unix.Getrusage(unix.RUSAGE_SELF, &self)); err != nil {
			t.Fatal(err)
		}
		return engines + time.Duration(self.Utime.Nano()+self.Stime.Nano())
	}
	before, began := used(), time.Now()
	do()
	return spent{time.Since(began), used() - before}
}

// loadNow is the machine's load average.
func loadNow() string {
	text, _ := os.ReadFile("/proc/loadavg")
	return strings.Join(strings.Fields(string(text))[:min(1, len(text))], "")
}

// bareParallel is how many services are made, or removed, at a time.
const bareParallel = 24

// bareServices measures what Swarm takes for as many services that only sleep, without a network of their own, until all run; and until no
// container of them is left on any machine.
func bareServices(t *testing.T, all *machines.Machines, n int) verbTimes {
	t.Helper()
	api, err := client.NewClientWithOpts(client.WithHost(all.All[0].Host()), client.WithAPIVersionNegotiation())
	if err != nil {
		t.Fatal(err)
	}
	defer api.Close()
	image, err := api.ImageInspect(t.Context(), images.Tag())
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]string, n)
	each := func(do func(ctx context.Context, i int) error) {
		group, ctx := errgroup.WithContext(t.Context())
		group.SetLimit(bareParallel)
		for i := range ids {
			group.Go(func() error { return do(ctx, i) })
		}
		if err := group.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	v := verbTimes{load: loadNow()}
	v.took[0] = spending(t, all, func() {
		each(func(ctx context.Context, i int) error {
			spec := swarm.ServiceSpec{Annotations: swarm.Annotations{Name: fmt.Sprintf("bare-%d", i)}}
			spec.TaskTemplate.ContainerSpec = &swarm.ContainerSpec{Image: image.ID, Command: []string{"sleep", "infinity"}, StopSignal: "SIGKILL"}
			created, err := api.ServiceCreate(ctx, spec, swarm.ServiceCreateOptions{})
			ids[i] = created.ID
			return err
		})
		if err := bareRunning(t.Context(), api, n); err != nil {
			t.Fatal(err)
		}
	})
	v.took[5] = spending(t, all, func() {
		each(func(ctx context.Context, i int) error { return api.ServiceRemove(ctx, ids[i]) })
		awaitNothing(t, all, "bare-")
	})
	return v
}

// bareRunning waits until all run.
func bareRunning(ctx context.Context, api *client.Client, n int) error {
	for {
		tasks, err := api.TaskList(ctx, swarm.TaskListOptions{Filters: filters.NewArgs(filters.Arg("desired-state", "running"))})
		if err != nil {
			return err
		}
		tasks = slices.DeleteFunc(tasks, func(t swarm.Task) bool { return t.Status.State != swarm.TaskStateRunning })
		if len(tasks) >= n {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}
