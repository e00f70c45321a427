package docker

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/system"

	"maillab/internal/engine"
)

func TestExamine(t *testing.T) {
	got := map[string]engine.Finding{}
	for _, f := range open(t).Examine(context.Background()) {
		got[f.What] = f
	}
	for what, want := range map[string]string{
		"docker": "API 1.", "machine": "kernel", "memory": "students", "doors": "gateway stands",
		"memory limits": "in force", "open files": "", "disk": "",
	} {
		if f, there := got[what]; !there || !strings.Contains(f.Detail, want) {
			t.Errorf("%s: %+v", what, f)
		}
	}
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestDescriptors(t *testing.T) {
	dir := t.TempDir()
	pid := write(t, dir, "docker.pid", "17\n")
	for hard, want := range map[string]engine.Level{"1024": engine.Bad, "1048576": engine.Good, "unlimited": engine.Good} {
		write(t, dir, "17/limits", "Limit                     Soft Limit           Hard Limit           Units\n"+
			"Max open files            1024                 "+hard+"              files\n")
		if f := descriptors(pid, dir); f.Level != want || !strings.Contains(f.Detail, hard) || (f.Mend == "") != (want == engine.Good) {
			t.Errorf("%s: %+v", hard, f)
		}
	}
	if f := descriptors(filepath.Join(dir, "none"), dir); f.Level != engine.Warning {
		t.Errorf("without a process: %+v", f)
	}
}

// Where sandboxes cannot start at all it is a problem; what is only done another way is a warning.
func TestLacks(t *testing.T) {
	linux := system.Info{OSType: "linux", MemoryLimit: true, PidsLimit: true}
	desktop, rootless, windows := linux, linux, linux
	desktop.OperatingSystem = "Docker Desktop"
	rootless.SecurityOptions = []string{"name=rootless"}
	windows.OSType = "windows"
	for _, test := range []struct {
		name string
		info system.Info
		want []engine.Level
	}{
		{"linux", linux, []engine.Level{engine.Good}},
		{"Desktop", desktop, []engine.Level{engine.Warning, engine.Warning}},
		{"rootless", rootless, []engine.Level{engine.Bad, engine.Warning}},
		{"windows", windows, []engine.Level{engine.Bad, engine.Good}},
	} {
		found := (&Engine{can: capabilities(test.info)}).lacks(test.info)
		if len(found) != len(test.want) {
			t.Fatalf("%s: %+v", test.name, found)
		}
		for i, f := range found {
			if f.Level != test.want[i] || f.Level == engine.Bad && f.Mend == "" {
				t.Errorf("%s: %+v", test.name, f)
			}
		}
	}
}

// TestTrialVolume: when doctor is killed before it has removed the volume, it is found as ours, by itself, and out of date.
func TestTrialVolume(t *testing.T) {
	now := time.Date(2026, 9, 1, 8, 0, 0, 0, time.UTC)
	r := trialVolume(now)
	found := fromLabels(toLabels(r))
	if found.ID() != r.ID() || found.Kind != engine.Volume || !strings.HasPrefix(found.Instance, "doctor-") || found.Labels[engine.LabelRun] != "doctor" {
		t.Errorf("%+v", found)
	}
	if found.Labels[engine.LabelExpires] != "2026-09-01T08:01:00Z" {
		t.Errorf("it expires at %q", found.Labels[engine.LabelExpires])
	}
	if other := trialVolume(now); other.Instance == r.Instance {
		t.Error("two doctors at once would meet")
	}
}
