package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"maillab/images"
	"maillab/internal/control"
	"maillab/internal/deploy"
	"maillab/internal/engine"
	"maillab/internal/engine/enginetest"
	"maillab/internal/instance"
	"maillab/internal/probe"
)

func maker(name string, e engine.Engine, err error) deploy.Maker {
	return deploy.Maker{Name: name, Make: func(context.Context) (engine.Engine, error) { return e, err }}
}

// examined is an engine that says something of itself, and may not answer.
type examined struct {
	*enginetest.Memory
	images []engine.Resource
	err    error
}

func (e examined) Examine(context.Context) []engine.Finding {
	return []engine.Finding{{Level: engine.Good, What: "kernel", Detail: "new enough"}}
}

func (e examined) Observe(context.Context, string) ([]engine.Resource, error) { return e.images, e.err }

// TestExamine: what each engine says stands in their order, then what depends on none; one that is not there hides nothing.
func TestExamine(t *testing.T) {
	there := engine.Resource{Kind: engine.Image, Image: &engine.ImageSpec{Tag: images.Tag()}}
	both := []engine.Resource{there, {Kind: engine.Image, Image: &engine.ImageSpec{Tag: images.FilterTag()}}}
	for _, test := range []struct {
		name   string
		engine engine.Engine
		err    error
		want   []string // level and what of each finding
	}{
		{"plain", &enginetest.Memory{}, nil, []string{"engine docker", "ports", "data"}},
		{"missing", nil, engine.ErrUnavailable, []string{"engine docker", "ports", "data"}},
		{"with its image", examined{Memory: &enginetest.Memory{}, images: []engine.Resource{there}}, nil, []string{"kernel", "image", "spamd's image", "ports", "data"}},
		{"with both", examined{Memory: &enginetest.Memory{}, images: both}, nil, []string{"kernel", "image", "spamd's image", "ports", "data"}},
		{"that does not answer", examined{Memory: &enginetest.Memory{}, err: errors.New("no answer")}, nil, []string{"kernel", "image", "ports", "data"}},
	} {
		found := Examine(t.Context(), []deploy.Maker{maker("docker", test.engine, test.err)}, t.TempDir())
		var got []string
		for _, f := range found {
			got = append(got, f.What)
			bad := test.err != nil && f.What == "engine docker" && f.Level != engine.Warning ||
				test.name == "with its image" && f.What == "image" && (f.Level != engine.Good || f.Detail != images.Tag()+" is there") ||
				test.name == "with its image" && f.What == "spamd's image" && !strings.Contains(f.Detail, " builds it") ||
				test.name == "with both" && f.What == "spamd's image" && f.Detail != images.FilterTag()+" is there" ||
				test.name == "that does not answer" && f.What == "image" && (f.Level != engine.Bad || f.Detail != "no answer")
			if bad {
				t.Errorf("%s: %+v", test.name, f)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(test.want) {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

// TestDataFolder: it is made, tried, and left as it was; where it cannot be that is told with what mends it.
func TestDataFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "data")
	if f := dataFolder(dir); f.Level != engine.Good {
		t.Errorf("%+v", f)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if f := dataFolder(filepath.Join(file, "data")); f.Level != engine.Bad || f.Mend == "" {
		t.Errorf("below a file: %+v", f)
	}
}

func TestPortsOfACancelledLook(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if f := ports(ctx, deploy.Survey{}); f.Level != engine.Bad || f.Detail != context.Canceled.Error() {
		t.Errorf("%+v", f)
	}
}

// TestFirewall: of an instance that is open to a network it is said what has to be let through.
func TestFirewall(t *testing.T) {
	open := func(name, listen string) deploy.Running {
		return deploy.Running{Instance: instance.Instance{Name: name, Sandboxes: []instance.Sandbox{{Seat: 1, Target: control.Target{Doors: []control.Door{{Service: "ssh", Listen: listen}}}}}}}
	}
	found := firewall(deploy.Survey{Instances: []deploy.Running{open("mine", "127.0.0.1:10122"), open("class", "0.0.0.0:11122")}})
	if len(found) != 1 || found[0].Detail != "for class it must let through: 0.0.0.0 TCP 11122" {
		t.Errorf("%+v", found)
	}
}

// TestJudged: an attempt that went as it should is good; any other is to be reported.
func TestJudged(t *testing.T) {
	for _, test := range []struct {
		result probe.Result
		level  engine.Level
		detail string
	}{
		{probe.Result{Probe: probe.Probe{Group: "network", Name: "the neighbour", Kind: probe.Denied}}, engine.Good, "denied"},
		{probe.Result{Probe: probe.Probe{Group: "network", Name: "own server", Kind: probe.Works}}, engine.Good, "works"},
		{probe.Result{Probe: probe.Probe{Group: "files", Name: "secret", Kind: probe.Denied}, Err: errors.New("it was read")}, engine.Bad, "it was read"},
	} {
		f := judged(test.result)
		if f.Level != test.level || f.Detail != test.detail || f.What != test.result.Group+": "+test.result.Name || (f.Mend != "") != (test.level == engine.Bad) {
			t.Errorf("%+v", f)
		}
	}
}

// TestProbeWantsSandboxes: where there is nothing to break out of, or no neighbour, nothing is tried.
func TestProbeWantsSandboxes(t *testing.T) {
	i := deploy.Running{Engine: &enginetest.Memory{}}
	i.Name = "monday"
	_, err := Probe(t.Context(), i, func(p probe.Probe) { t.Errorf("tried %s", p.Name) })
	if err == nil || !strings.Contains(err.Error(), "monday has one sandbox only") && !strings.Contains(err.Error(), "no sandboxes to break out of") {
		t.Error(err)
	}
}
