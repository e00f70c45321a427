package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"

	"maillab/images"
	"maillab/internal/engine"
	"maillab/internal/instance"
	"maillab/internal/pool"
	"maillab/internal/spec"
)

func doctorVerb(a *app) *cobra.Command {
	var probing bool
	var gateway string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "What this machine can do, and what is in the way",
		Long: `Say what this machine can do and what is in the way, with what mends it. The exit code is 1 when there is a problem.

--probe brings up a lab for two students, tries as one of them to reach what no student must reach (the other one, this
machine, the Internet, names, other people's files, root), puts his sandbox under all the load that a student can make while
the other one works, and takes both down again. With -n, an instance that is up is probed, in its first two sandboxes.

-o json prints {"findings":[{"level","what","detail","mend"}]}; levels are ok, warning, problem.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if probing {
				return runProbe(cmd.Context(), a, gateway)
			}
			return a.tell(examine(cmd.Context(), a))
		},
	}
	cmd.Flags().BoolVar(&probing, "probe", false, "prove on this machine that students are cut off")
	cmd.Flags().StringVar(&gateway, "gateway", "", "with --probe: host or bridge, as in up")
	return cmd
}

// tell prints findings. Problems make the exit code.
func (a *app) tell(found []engine.Finding) error {
	l := list{header: []string{"", "what", "detail"}, value: struct {
		Findings []engine.Finding `json:"findings"`
	}{found}}
	bad := false
	for _, f := range found {
		detail := f.Detail
		if f.Mend != "" {
			detail += " → " + f.Mend
		}
		l.rows = append(l.rows, []string{string(f.Level), f.What, detail})
		bad = bad || f.Level == engine.Bad
	}
	if err := a.print(l); err != nil {
		return err
	}
	if bad {
		return silent(exitFailed)
	}
	return nil
}

// examine looks at the engines, then at what does not depend on one.
func examine(ctx context.Context, a *app) []engine.Finding {
	var found []engine.Finding
	makers, err := a.makers()
	if err != nil {
		return []engine.Finding{{Level: engine.Bad, What: "engine", Detail: err.Error()}}
	}
	for _, m := range makers {
		e, err := m.Make(ctx)
		if err != nil {
			found = append(found, engine.Finding{Level: engine.Warning, What: "engine " + m.Name, Detail: err.Error(),
				Mend: "install Docker 20.10 or newer for real sandboxes; without it labs run on the embedded engine"})
			continue
		}
		if examiner, ok := e.(engine.Examiner); ok {
			found = append(found, examiner.Examine(ctx)...)
			found = append(found, addressesLeft(ctx, a, e)...)
			found = append(found, imageFinding(ctx, a, e))
		} else {
			found = append(found, engine.Finding{Level: engine.Good, What: "engine " + m.Name, Detail: e.Capabilities().Missing})
		}
	}
	return append(found, freePorts(ctx, a), dataFolder(a))
}

// addresses counts what is left of our address pool.
func addressesLeft(ctx context.Context, a *app, e engine.Engine) []engine.Finding {
	surveyor, ok := e.(engine.Subnets)
	if !ok {
		return nil
	}
	taken, err := surveyor.Taken(ctx)
	f := engine.Finding{Level: engine.Good, What: "addresses"}
	if err == nil {
		f.Detail = "a class of 30 and one of 300 fit into " + pool.Default().String()
		_, err = pool.Choose(pool.Default(), taken, 300)
	}
	if err != nil {
		f.Level, f.Detail, f.Mend = engine.Bad, err.Error(), "maillab ls, maillab down: take instances away"
	}
	return []engine.Finding{f}
}

// image says whether the first up will have to build.
func imageFinding(ctx context.Context, a *app, e engine.Engine) engine.Finding {
	f := engine.Finding{Level: engine.Good, What: "image", Detail: images.Tag() + " is there"}
	all, err := e.Observe(ctx, "")
	if err != nil {
		return engine.Finding{Level: engine.Bad, What: "image", Detail: err.Error()}
	}
	for _, r := range all {
		if r.Image != nil && r.Image.Tag == images.Tag() {
			return f
		}
	}
	f.Detail = "the first up builds it; its base is pulled, or made with mmdebstrap"
	if missing := images.Programs("maild", "labinit", "gateway"); len(missing) > 0 {
		return engine.Finding{Level: engine.Bad, What: "image", Detail: fmt.Sprintf("this maillab was built without %v", missing), Mend: "make build"}
	}
	if _, err := exec.LookPath("mmdebstrap"); err != nil && os.Getuid() != 0 {
		f.Level, f.Mend = engine.Warning, "where no registry is reachable: apt install mmdebstrap"
	}
	return f
}

// ports finds where a class of 30 would be.
func freePorts(ctx context.Context, a *app) engine.Finding {
	f := engine.Finding{Level: engine.Good, What: "ports"}
	s, _ := a.look(ctx, "") // what does not answer has been said
	var all []instance.Instance
	for _, i := range s.Instances {
		all = append(all, i.Instance)
	}
	seats := make([]int, 30)
	for n := range seats {
		seats[n] = n + 1
	}
	on := spec.Services{SMTP: &spec.SMTP{}, POP3: &spec.POP3{}, IMAP: &spec.IMAP{}, SSH: &spec.SSH{}}
	p := instance.Publishing{Mode: "ports", Listen: "127.0.0.1"}
	others, try, ephemeral := instance.Instance{}.Others(all), instance.Here(false), instance.Ephemeral()
	free := func(listen string) error {
		if by := others.Door(listen); by != "" {
			return fmt.Errorf("taken by instance %s", by)
		}
		return try(listen)
	}
	p, err := p.Place(seats, on, nil, 10000, false, instance.Room{Limit: ephemeral, Free: free})
	switch {
	case ctx.Err() != nil:
		f.Level, f.Detail = engine.Bad, ctx.Err().Error()
	case err != nil:
		f.Level, f.Detail, f.Mend = engine.Bad, err.Error(), "maillab down for instances that are not needed, or publish mode addresses"
	default:
		f.Detail = fmt.Sprintf("a class of 30 would be at %d to %d", p.Blocks[0].Base+110, p.Blocks[0].Base+3043)
		if len(p.Blocks) > 1 {
			f.Detail = fmt.Sprintf("a class of 30 would be in %d blocks from %d on", len(p.Blocks), p.Blocks[0].Base)
		}
	}
	return f
}

// dataFolder says where what outlives instances is kept.
func dataFolder(a *app) engine.Finding {
	f := engine.Finding{Level: engine.Good, What: "data", Detail: a.DataDir + " (" + runtime.GOOS + ")"}
	err := os.MkdirAll(a.DataDir, 0o700)
	if err == nil {
		trial := filepath.Join(a.DataDir, ".doctor")
		err = errors.Join(os.WriteFile(trial, []byte("x"), 0o600), os.Remove(trial))
	}
	if err != nil {
		f.Level, f.Detail, f.Mend = engine.Bad, err.Error(), "set MAILLAB_DATA to a folder of yours"
	}
	return f
}
