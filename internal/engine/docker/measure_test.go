package docker

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"maillab/internal/apply"
	"maillab/internal/engine"
	"maillab/internal/plan"
)

// BenchmarkClass brings classes up and down on the tiny image, which does nothing by itself: what is measured is the
// daemon, and how much is gained by asking it for many things at a time. Run it with -benchtime=1x.
func BenchmarkClass(b *testing.B) {
	for _, seats := range []int{10, 30} {
		for _, parallel := range []int{1, 2, 4, 8, 16, 32} {
			b.Run(fmt.Sprintf("seats=%d/parallel=%d", seats, parallel), func(b *testing.B) { benchmarkClass(b, seats, parallel) })
		}
	}
}

func benchmarkClass(b *testing.B, seats, parallel int) {
	e, ctx := open(b), context.Background()
	instance := instanceName(fmt.Sprintf("bench-%d-%d", seats, parallel))
	b.Cleanup(func() { removeAll(b, e, instance) })
	var upTime, observeTime, downTime time.Duration
	for b.Loop() {
		desired := tinyClass(instance, seats)
		upTime += timed(func() { converge(b, e, instance, desired, parallel) })
		observeTime += timed(func() {
			if _, err := e.Observe(ctx, instance); err != nil {
				b.Fatal(err)
			}
		})
		downTime += timed(func() { converge(b, e, instance, nil, parallel) })
	}
	b.ReportMetric(upTime.Seconds()/float64(b.N), "s-up")
	b.ReportMetric(float64(observeTime.Milliseconds())/float64(b.N), "ms-observe")
	b.ReportMetric(downTime.Seconds()/float64(b.N), "s-down")
}

func timed(do func()) time.Duration {
	began := time.Now()
	do()
	return time.Since(began)
}

func converge(b *testing.B, e *Engine, instance string, desired []engine.Resource, parallel int) {
	b.Helper()
	actual, err := e.Observe(context.Background(), instance)
	if err != nil {
		b.Fatal(err)
	}
	p := plan.Diff(desired, actual, nil, nil)
	if r := apply.Run(context.Background(), p, apply.Config{Engine: e, Control: quiet{}, Parallel: parallel}); !r.OK() {
		b.Fatal(r.Err())
	}
}

// BenchmarkPlainLoop is the same number of containers by docker's own command, one after the other, each with three
// volumes and no network: what a shell script would do.
func BenchmarkPlainLoop(b *testing.B) {
	open(b)
	if _, err := exec.LookPath("docker"); err != nil {
		b.Skip("needs the docker command")
	}
	const seats = 30
	name := "maillab-" + instanceName("loop")
	docker := func(args ...string) {
		if out, err := exec.Command("docker", args...).CombinedOutput(); err != nil {
			b.Fatalf("docker %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	var up, down time.Duration
	for b.Loop() {
		up += timed(func() {
			for seat := range seats {
				c := fmt.Sprintf("%s-%d", name, seat)
				docker("run", "-d", "--network", "none", "--name", c,
					"-v", c+"-mail:/var/mail", "-v", c+"-home:/home", "-v", c+"-state:/var/lib/maillab", tinyImage, labinit)
			}
		})
		down += timed(func() {
			for seat := range seats {
				c := fmt.Sprintf("%s-%d", name, seat)
				docker("rm", "-f", c)
				docker("volume", "rm", c+"-mail", c+"-home", c+"-state")
			}
		})
	}
	b.ReportMetric(up.Seconds()/float64(b.N), "s-up")
	b.ReportMetric(down.Seconds()/float64(b.N), "s-down")
}
