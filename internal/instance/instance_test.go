package instance

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/control"
	"maillab/internal/engine"
	"maillab/internal/plan"
	"maillab/internal/roster"
	"maillab/internal/spec"
)

// wish is a class of two with everything on.
func wish() Wish {
	sandbox := func(seat int) spec.Sandbox {
		return spec.Sandbox{
			Version: spec.Version, Lab: "lab", Seat: seat, Hostname: "test6isri.local.isri.fr",
			Services: spec.Services{SMTP: &spec.SMTP{Relay: "reject"}, POP3: &spec.POP3{}, IMAP: &spec.IMAP{}, SSH: &spec.SSH{}},
			Outside:  []spec.Outside{{Domain: "*", Address: "192.0.2.25"}, {Domain: "a.example", Address: "192.0.2.25"}},
			Accounts: []spec.Account{{Name: "util1", Password: "master2021"}},
		}
	}
	return Wish{
		Name: "monday", Topology: "isolated", Image: "maillab/sandbox:1", Specs: []spec.Sandbox{sandbox(1), sandbox(3)},
		Limits:  Limits{Memory: 96 << 20, NanoCPUs: 5e8, PIDs: 768},
		Publish: Publishing{Mode: "ports", Listen: "127.0.0.1", Blocks: []Block{{Base: 10000, First: 1}}},
		Created: time.Date(2026, 3, 26, 8, 0, 0, 0, time.UTC), Token: func(seat int) string { return "token" + string(rune('0'+seat)) },
		Students: map[int][]string{1: {"alice"}, 3: {"bruno"}}, UIDs: map[int]int{1: 100000, 3: 101000},
	}
}

func desire(t *testing.T, w Wish, can engine.Capabilities) Desired {
	t.Helper()
	d, err := Desire(w, can)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// What runs must be known from labels alone: whatever is wished for is read back from the resources.
func TestLabelsTellEverything(t *testing.T) {
	d := desire(t, wish(), engine.Capabilities{System: true})
	all := Of(d.Resources)
	if len(all) != 1 {
		t.Fatalf("%d instances", len(all))
	}
	i := all[0]
	if i.Name != "monday" || i.Lab != "lab" || i.Topology != "isolated" || !i.Gateway {
		t.Errorf("read back: %+v", i)
	}
	if diff := cmp.Diff(map[string]int{"alice": 1, "bruno": 3}, i.Seats()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(d.Doors, i.Doors()); diff != "" {
		t.Errorf("doors from labels: %s", diff)
	}
	if diff := cmp.Diff([]Block{{Base: 10000, First: 1}}, i.Blocks()); diff != "" {
		t.Error(diff)
	}
	want := map[string]string{"ssh": "lab.example:10322", "smtp": "lab.example:10325", "pop3": "lab.example:10310", "imap": "lab.example:10343"}
	if diff := cmp.Diff(want, i.Sandboxes[1].Addresses("lab.example")); diff != "" {
		t.Error(diff)
	}
}

// The same wish again is no change; a volume's or container's hash does not follow the clock.
func TestTheSameWishIsNoDrift(t *testing.T) {
	can := engine.Capabilities{System: true}
	first := desire(t, wish(), can)
	later := wish()
	later.Created = later.Created.Add(time.Hour)
	again := desire(t, later, can)
	if p := plan.Diff(again.Resources, first.Resources, again.Hashes(), first.Hashes()); !p.Empty() {
		t.Errorf("the same wish an hour later:\n%s", p)
	}
	changed := wish()
	changed.Specs[1].Accounts[0].Password = "other"
	d := desire(t, changed, can)
	p := plan.Diff(d.Resources, first.Resources, d.Hashes(), first.Hashes())
	if counts := p.Counts(); counts[plan.Configure] != 1 || counts[plan.Recreate] != 0 {
		t.Errorf("another password should be one more configure and nothing else:\n%s", p)
	}
}

func TestWhatASupervisorIsTold(t *testing.T) {
	d := desire(t, wish(), engine.Capabilities{System: true})
	var sandbox engine.Resource
	for _, r := range d.Resources {
		if r.Kind == engine.Sandbox && r.Seat == 3 {
			sandbox = r
		}
	}
	want := map[string]string{"MAILLAB_TOKEN": "token3", "MAILLAB_UID_BASE": "101000"}
	if diff := cmp.Diff(want, sandbox.Sandbox.Env); diff != "" {
		t.Error(diff)
	}
}

// What a lab names as a relay is the gateway's business: it can move without a sandbox being made anew.
func TestRelayIsADoorOutwards(t *testing.T) {
	w := wish()
	relayed := func(to string) {
		for i := range w.Specs {
			w.Specs[i].Services.SMTP = &spec.SMTP{Relay: to}
		}
	}
	relayed("smtp.example")
	before := desire(t, w, engine.Capabilities{System: true})
	if at := before.Doors.Sandboxes[1].Relay; at != "smtp.example:25" {
		t.Errorf("the gateway is told %q", at)
	}
	relayed("192.0.2.2:2525")
	after := desire(t, w, engine.Capabilities{System: true})
	after.Agree(Of(before.Resources)[0])
	p := plan.Diff(after.Resources, before.Resources, after.Hashes(), before.Hashes())
	if diff := cmp.Diff(map[plan.Action]int{plan.Create: 1, plan.Doors: 1, plan.Configure: 2, plan.Wait: 2}, p.Counts()); diff != "" {
		t.Errorf("%s\n%s", diff, p)
	}
	again := Of(slices.Concat(before.Resources, after.Resources[slices.IndexFunc(after.Resources, func(r engine.Resource) bool { return r.Kind == engine.Facts }):]))[0]
	if at := again.Doors().Sandboxes[0].Relay; at != "192.0.2.2:2525" {
		t.Errorf("labels tell %q", at)
	}
}

// In a lab between servers the gateway is told of each sandbox's domain, the container that it has neighbours; a student more
// is no reason to touch the others.
func TestDomains(t *testing.T) {
	w := wish()
	for i := range w.Specs {
		w.Specs[i].Domain, w.Specs[i].Between = fmt.Sprintf("s%d.lab", w.Specs[i].Seat), &spec.Between{Parent: "lab"}
	}
	d := desire(t, w, engine.Capabilities{System: true})
	told := Of(d.Resources)[0].Doors()
	for i, target := range told.Sandboxes {
		if want := fmt.Sprintf("s%d.lab", target.Seat); target.Domain != want || d.Doors.Sandboxes[i].Domain != want {
			t.Errorf("seat %d is %q, by labels %q", target.Seat, d.Doors.Sandboxes[i].Domain, target.Domain)
		}
	}
	for _, r := range d.Resources {
		if r.Kind == engine.Sandbox && r.Sandbox.Env["MAILLAB_BETWEEN"] != "yes" {
			t.Errorf("seat %d is made with %v", r.Seat, r.Sandbox.Env)
		}
	}
	fewer := w
	fewer.Specs = w.Specs[:len(w.Specs)-1]
	before := desire(t, fewer, engine.Capabilities{System: true})
	d.Agree(Of(before.Resources)[0])
	for _, step := range plan.Diff(d.Resources, before.Resources, d.Hashes(), before.Hashes()).Steps {
		if seat := w.Specs[0].Seat; step.Target.Kind == engine.Sandbox && step.Seat == seat {
			t.Errorf("seat %d: %s", seat, step.Action)
		}
	}
}

// An engine without a system has no socket, no image, and no door for SSH.
func TestDesireWithoutASystem(t *testing.T) {
	d := desire(t, wish(), engine.Capabilities{})
	kinds := map[engine.Kind]int{}
	for _, r := range d.Resources {
		kinds[r.Kind]++
	}
	if diff := cmp.Diff(map[engine.Kind]int{engine.Gateway: 1, engine.Volume: 2, engine.Sandbox: 2}, kinds); diff != "" {
		t.Error(diff)
	}
	for _, target := range d.Doors.Sandboxes {
		for _, door := range target.Doors {
			if door.Service == "ssh" {
				t.Errorf("a door for SSH: %+v", door)
			}
		}
	}
}

// except is a Free with these taken, everything free when none is named.
func except(taken ...string) Free {
	return func(listen string) error {
		if slices.Contains(taken, listen) {
			return errors.New("somebody listens there")
		}
		return nil
	}
}

func TestAddressesMode(t *testing.T) {
	w := wish()
	w.Publish = Publishing{Mode: "addresses", Pool: netip.MustParsePrefix("127.0.10.0/24")}
	d := desire(t, w, engine.Capabilities{System: true})
	want := []control.Door{
		{Service: "ssh", Listen: "127.0.10.3:22"}, {Service: "smtp", Listen: "127.0.10.3:25"},
		{Service: "pop3", Listen: "127.0.10.3:110"}, {Service: "imap", Listen: "127.0.10.3:143"},
	}
	if diff := cmp.Diff(want, d.Doors.Sandboxes[1].Doors); diff != "" {
		t.Error(diff)
	}
	if blocks := Of(d.Resources)[0].Blocks(); len(blocks) > 0 {
		t.Errorf("standard ports are in blocks %v", blocks)
	}
	if g := gatewayOf(t, d); g.Sandbox.Publish != nil {
		t.Errorf("the engine forwards to a gateway on the host's network: %+v", g.Sandbox)
	}
	w.Publish.Pool = netip.MustParsePrefix("127.0.10.0/31")
	if _, err := Desire(w, engine.Capabilities{}); err == nil || !strings.Contains(err.Error(), "seat 3 has no address") {
		t.Errorf("a pool that is too small: %v", err)
	}
}

func TestPortsThatCannotBe(t *testing.T) {
	d := desire(t, wish(), engine.Capabilities{System: true})
	if err := d.CheckPorts(10300, except()); err == nil || !strings.Contains(err.Error(), "ephemeral") {
		t.Errorf("ports in the ephemeral range: %v", err)
	}
	if err := d.CheckPorts(32768, except("127.0.0.1:10143")); err == nil ||
		!strings.Contains(err.Error(), "seat 1: 127.0.0.1:10143 for imap: somebody listens there") {
		t.Errorf("a port that is taken: %v", err)
	}
	if err := d.CheckPorts(32768, except()); err != nil {
		t.Error(err)
	}
}

// One password keeps one hash, also for another process; two passwords have two.
func TestHasher(t *testing.T) {
	f, made := held(t, OpenFolder(t.TempDir(), "monday")), 0
	hash := func(password string) (string, error) {
		made++
		return fmt.Sprintf("%s salted %d", password, made), nil
	}
	get := func(password string) string {
		t.Helper()
		hasher, err := f.Hasher(hash)
		if err != nil {
			t.Fatal(err)
		}
		text, err := hasher(password)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	if a, b, again := get("a"), get("b"), get("a"); a != again || a == b || made != 2 {
		t.Errorf("a is %q, then %q; b is %q; %d hashes made", a, again, b, made)
	}
}

func TestFolder(t *testing.T) {
	data := t.TempDir()
	f := OpenFolder(data, "monday")
	if seats, err := f.Seats(); err != nil || len(seats) != 0 {
		t.Errorf("a new folder has %v, %v", seats, err)
	}
	want := roster.Given{"alice": {Seat: 1}, "bruno": {Seat: 3, Number: "217"}}
	h := held(t, f)
	if err := errors.Join(h.KeepSeats(want), h.KeepSecret()); err != nil {
		t.Fatal(err)
	}
	secrets, err := f.Secrets()
	if err != nil {
		t.Fatal(err)
	}
	again := OpenFolder(data, "monday")
	got, err := again.Seats()
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	same, err := again.Secrets()
	if err != nil || same("x") != secrets("x") || same("x") == same("y") {
		t.Errorf("secrets: %q, %q, %q, %v", secrets("x"), same("x"), same("y"), err)
	}
	info, err := os.Stat(filepath.Join(data, "instances", "monday", "secret"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the secret has mode %v, %v", info.Mode(), err)
	}
	if err := os.WriteFile(filepath.Join(data, "instances", "monday", "seats.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Seats(); err == nil || !strings.Contains(err.Error(), "seats.json") {
		t.Errorf("a broken file: %v", err)
	}
}

// held holds an instance's folder until the test ends.
func held(t *testing.T, folder Folder) *Held {
	t.Helper()
	h, err := folder.Lock(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Release)
	return h
}

// TestWhereItIs: what cannot be kept of where an instance is takes nothing else with it.
func TestWhereItIs(t *testing.T) {
	h := held(t, OpenFolder(t.TempDir(), "monday"))
	now := time.Date(2026, 3, 26, 11, 0, 0, 0, time.UTC)
	blocked := func(name string) func() {
		file := filepath.Join(h.path, name)
		if err := errors.Join(os.RemoveAll(file), os.MkdirAll(filepath.Join(file, "x"), 0o700)); err != nil {
			t.Fatal(err)
		}
		return func() {
			if err := os.RemoveAll(file); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(h.KeepSheet(map[int]spec.Sandbox{1: {Seat: 1}}, Tasks{}, 1, Reach{}), h.KeepDown(now)); err != nil {
		t.Fatal(err)
	}
	free := blocked(placeFile)
	if err := h.KeepPlace(Place{Engine: "docker"}); err == nil {
		t.Error("a place that cannot be kept")
	}
	free()
	if since, err := h.DownSince(); err != nil || !since.Equal(now) {
		t.Errorf("it is on no engine, and down since %v, %v", since, err)
	}
	if err := h.KeepPlace(Place{Engine: "docker"}); err != nil {
		t.Fatal(err)
	}
	free = blocked(downFile)
	if err := h.ForgetPlace(now); err == nil {
		t.Error("since when it is down cannot be kept")
	}
	free()
	if p, err := h.Place(); err != nil || p == nil {
		t.Errorf("it is not down, and on no engine: %v, %v", p, err)
	}
}

// TestVolumesHaveAHardLimit: what students fill is bounded for all that share a sandbox, what the daemon keeps is not.
func TestVolumesHaveAHardLimit(t *testing.T) {
	w := Wish{Students: map[int][]string{0: {"alice", "bruno", "chloe"}, 2: {"dora"}}}
	limited := func(seat int) spec.Sandbox {
		return spec.Sandbox{Seat: seat, Limits: spec.Limits{SpoolBytes: 64 << 20}}
	}
	for _, tt := range []struct {
		s    spec.Sandbox
		part string
		want int64
	}{
		{limited(2), "home", 2*64<<20 + 16<<20}, {limited(2), "mail", 2*64<<20 + 16<<20}, {limited(0), "mail", 6*64<<20 + 16<<20},
		{limited(2), "state", 0}, {spec.Sandbox{Seat: 2}, "home", 0},
	} {
		if got := w.hardLimit(tt.s, tt.part); got != tt.want {
			t.Errorf("seat %d, %s: %d, want %d", tt.s.Seat, tt.part, got, tt.want)
		}
	}
}
