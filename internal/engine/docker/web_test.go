package docker

import (
	"testing"

	"github.com/docker/docker/api/types/network"

	"maillab/internal/engine"
)

// TestPageHasNothing: the class's page runs as nobody, without a network, rights, or a place to write.
func TestPageHasNothing(t *testing.T) {
	s := webSettings(engine.Resource{Kind: engine.Web, Instance: "monday", Sandbox: &engine.SandboxSpec{Image: "i", Memory: 1 << 20, PIDs: 7}})
	if s.host.NetworkMode != network.NetworkNone || !s.config.NetworkDisabled || !s.host.ReadonlyRootfs || len(s.host.CapAdd) != 0 || len(s.host.CapDrop) != 1 || s.config.User != "65533:65533" {
		t.Errorf("%+v %s", s.host, s.config.User)
	}
	if len(s.host.Mounts) != 1 || !s.host.Mounts[0].ReadOnly || s.host.Mounts[0].Source != socketName("monday") {
		t.Errorf("%+v", s.host.Mounts)
	}
	if *s.host.PidsLimit != 7 || s.host.Memory != 1<<20 || s.host.MemorySwap != 1<<20 {
		t.Errorf("it is not bounded: %+v", s.host.Resources)
	}
}

// TestFilterHasNothing: nor has the class's SpamAssassin, but a place for what it takes apart, from which nothing is run.
func TestFilterHasNothing(t *testing.T) {
	s := filterSettings(engine.Resource{Kind: engine.Filter, Instance: "monday", Sandbox: &engine.SandboxSpec{Image: "i", Hostname: "filter", Memory: 1 << 20, PIDs: 7, TmpBytes: 9}})
	if s.host.NetworkMode != network.NetworkNone || !s.config.NetworkDisabled || !s.host.ReadonlyRootfs || len(s.host.CapAdd) != 0 || len(s.host.CapDrop) != 1 || s.config.User != "65531:65531" {
		t.Errorf("%+v %s", s.host, s.config.User)
	}
	if len(s.host.Mounts) != 1 || !s.host.Mounts[0].ReadOnly || len(s.host.Tmpfs) != 1 || s.host.Tmpfs["/tmp"] != "rw,noexec,nosuid,nodev,mode=1777,size=9" {
		t.Errorf("%+v %v", s.host.Mounts, s.host.Tmpfs)
	}
}
