package compose_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/compose"
	"maillab/internal/control"
	"maillab/internal/engine"
	"maillab/internal/spec"
)

var update = flag.Bool("update", false, "write the golden files anew")

// stack has one seat with everything and one with little.
func stack() compose.Stack {
	full := compose.Sandbox{
		Seat: 2,
		Container: engine.SandboxSpec{
			Hostname: "mail", Memory: 96 << 20, NanoCPUs: 5e8, PIDs: 768, TmpBytes: 32 << 20,
			Env: map[string]string{"MAILLAB_UID_BASE": "100000"},
		},
		Doors: []control.Door{{Service: "ssh", Listen: "127.0.0.1:10222"}, {Service: "smtp", Listen: "127.0.0.1:10225"}, {Service: "imap", Listen: "[::1]:10243"}},
		Token: "token-2", Relay: "192.0.2.1:25", Spec: spec.Sandbox{Version: 1, Lab: "l", Seat: 2, Domain: "two.lab", Between: &spec.Between{Parent: "lab"}},
	}
	shared := compose.Sandbox{
		Container: engine.SandboxSpec{Hostname: "shared", TmpBytes: 16 << 20},
		Doors:     []control.Door{{Service: "pop3", Listen: "0.0.0.0:10010"}}, Token: "token-0", Spec: spec.Sandbox{Version: 1},
	}
	return compose.Stack{
		Name: "t", Image: "maillab/sandbox:test", Context: "../images/sandbox", Comment: []string{"A comment.", ""},
		Sandboxes: []compose.Sandbox{shared, full},
	}
}

func TestRender(t *testing.T) {
	got, err := compose.Render(stack())
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "stack.yaml")
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestRenderFilter: a class's SpamAssassin is a service without a network, which the gateway knows.
func TestRenderFilter(t *testing.T) {
	s := stack()
	s.Filter, s.FilterToken, s.FilterLimit = "maillab/filter:test", "token-f", engine.SandboxSpec{Hostname: "filter", Memory: 9, PIDs: 7, TmpBytes: 5}
	text, err := compose.Render(s)
	if err != nil {
		t.Fatal(err)
	}
	_, own, _ := strings.Cut(string(text), "\n  filter:\n")
	own, _, _ = strings.Cut(own, "\n  gateway:\n")
	for _, want := range []string{"image: maillab/filter:test", "dockerfile: filter/Dockerfile", "network_mode: none", "user: 65531:65531", "cap_add: []", "MAILLAB_TOKEN: token-f",
		"- socket:/mnt:ro,nocopy", "mem_limit: \"9\"", "/tmp:rw,noexec,nosuid,nodev,mode=1777,size=5"} {
		if !strings.Contains(own, want) {
			t.Errorf("%s is not in\n%s", want, own)
		}
	}
	if !strings.Contains(string(text), `"filter":{"seat":-3,"token":"token-f"`) {
		t.Errorf("the gateway knows nothing of it:\n%s", text)
	}
}

func TestRenderRefuses(t *testing.T) {
	s := stack()
	s.Sandboxes[0].Doors[0].Listen = "nowhere"
	if _, err := compose.Render(s); err == nil || !strings.Contains(err.Error(), "pop3") {
		t.Errorf("a door that is no address: %v", err)
	}
}
