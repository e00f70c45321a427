// Package doctor says what a machine can do for a class, what is in the way, and what mends it.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"

	"maillab/images"
	"maillab/internal/deploy"
	"maillab/internal/engine"
	"maillab/internal/instance"
	"maillab/internal/spec"
)

// Examine looks at the engines, then at what does not depend on one.
func Examine(ctx context.Context, makers []deploy.Maker, data string) []engine.Finding {
	var found []engine.Finding
	for _, m := range makers {
		e, err := m.Make(ctx)
		if err != nil && m.Aside && len(makers) > 1 {
			continue
		}
		if err != nil {
			f := engine.Finding{Level: engine.Warning, What: "engine " + m.Name, Detail: err.Error()}
			if !m.Aside { // of the others the error says what to do
				f.Mend = "install Docker 20.10 or newer for real sandboxes; without it labs run on the embedded engine"
			}
			found = append(found, f)
			continue
		}
		if examiner, ok := e.(engine.Examiner); ok {
			found = append(found, examiner.Examine(ctx)...)
			found = append(found, image(ctx, e)...)
		} else {
			found = append(found, engine.Finding{Level: engine.Good, What: "engine " + m.Name, Detail: e.Capabilities().Missing})
		}
	}
	s, _ := deploy.Look(ctx, makers, "") // what does not answer has been said
	return append(append(append(found, ports(ctx, s)), firewall(s)...), dataFolder(data))
}

// image says whether the first up will have to build, and of SpamAssassin's image whether the first one of a lab that wants it will.
func image(ctx context.Context, e engine.Engine) []engine.Finding {
	all, err := e.Observe(ctx, "")
	if err != nil {
		return []engine.Finding{{Level: engine.Bad, What: "image", Detail: err.Error()}}
	}
	there := func(tag string) bool {
		return slices.ContainsFunc(all, func(r engine.Resource) bool { return r.Image != nil && r.Image.Tag == tag })
	}
	if e.Capabilities().Nodes { // there the rules on board judge
		return []engine.Finding{sandboxImage(there(images.Tag()))}
	}
	spamd := engine.Finding{Level: engine.Good, What: "spamd's image", Detail: images.FilterTag() + " is there"}
	if !there(images.FilterTag()) {
		spamd.Detail = "the first up of a lab with filter: {spamd: true} builds it"
	}
	return []engine.Finding{sandboxImage(there(images.Tag())), spamd}
}

func sandboxImage(there bool) engine.Finding {
	f := engine.Finding{Level: engine.Good, What: "image", Detail: images.Tag() + " is there"}
	if there {
		return f
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
func ports(ctx context.Context, s deploy.Survey) engine.Finding {
	f := engine.Finding{Level: engine.Good, What: "ports"}
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

// firewall tells of each instance that is open to a network what students' machines must be let through to: whether a firewall is in
// the way nobody can see from here.
func firewall(s deploy.Survey) (found []engine.Finding) {
	for _, i := range s.Instances {
		if through := i.Through(); through != "" {
			found = append(found, engine.Finding{Level: engine.Good, What: "firewall", Detail: fmt.Sprintf("for %s it must let through: %s", i.Name, through)})
		}
	}
	return found
}

// dataFolder says where what outlives instances is kept.
func dataFolder(dir string) engine.Finding {
	f := engine.Finding{Level: engine.Good, What: "data", Detail: dir + " (" + runtime.GOOS + ")"}
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		trial := filepath.Join(dir, ".doctor")
		err = errors.Join(os.WriteFile(trial, []byte("x"), 0o600), os.Remove(trial))
	}
	if err != nil {
		f.Level, f.Detail, f.Mend = engine.Bad, err.Error(), "set MAILLAB_DATA to a folder of yours"
	}
	return f
}
