package instance

import (
	"strings"
	"testing"

	"maillab/internal/control"
	"maillab/internal/engine"
	"maillab/internal/spec"
)

// paged is a class with a page.
func paged(t *testing.T, p Publishing, can engine.Capabilities) Desired {
	t.Helper()
	w := Wish{Name: "monday", Image: "i", Web: true, Publish: p, Token: func(seat int) string { return map[bool]string{true: "w", false: "s"}[seat == control.WebSeat] },
		Students: map[int][]string{1: {"alice"}}, Specs: []spec.Sandbox{{Seat: 1, Lab: "l", Hostname: "h.x"}}, UIDs: map[int]int{1: firstUID}}
	d, err := Desire(w, can)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestPage: where it is, in each mode; what the gateway learns of it; that labels tell it again, and that another instance
// keeps away.
func TestPage(t *testing.T) {
	ports := Publishing{Mode: "ports", Listen: "127.0.0.1", Blocks: []Block{{Base: 12000, First: 1}}}
	for mode, c := range map[string]struct {
		p    Publishing
		want string
	}{
		"ports":     {ports, "127.0.0.1:12080"},
		"addresses": {Publishing{Mode: "addresses", Listen: "127.0.0.1", Base: 10000}, "127.0.0.1:10082"},
		"none":      {Publishing{Mode: "none"}, ""},
	} {
		if got := (Wish{Web: true, Publish: c.p}).page(); got != c.want {
			t.Errorf("%s: %q, want %q", mode, got, c.want)
		}
	}
	if pagePort(12000) != 12080 || pagePort(6586) != 6670 {
		t.Error("browsers refuse the port, or one is left out: ", pagePort(12000), pagePort(6586))
	}
	d := paged(t, ports, engine.Capabilities{System: true})
	if web := d.Doors.Web; web == nil || web.Token != "w" || web.Doors[0].Listen != "127.0.0.1:12080" || d.Doors.Sandboxes[0].Students[0] != "alice" {
		t.Fatalf("%+v", d.Doors)
	}
	i := Of(d.Resources)[0]
	if i.WebAddress() != "http://127.0.0.1:12080/" || i.WebToken() != "w" || d.WebAddress("lab.example") != "http://lab.example:12080/" {
		t.Error(i.WebAddress(), i.WebToken())
	}
	if by := (Instance{Name: "a"}).Others([]Instance{i}).Door("127.0.0.1:12080"); by != "monday" {
		t.Errorf("another's page may be there, too: %q", by)
	}
	if err := d.CheckPorts(0, func(listen string) error {
		if strings.HasSuffix(listen, "80") {
			return engine.ErrConflict
		}
		return nil
	}); err == nil || !strings.Contains(err.Error(), "page") {
		t.Error("a taken port is not found: ", err)
	}
	if e := paged(t, ports, engine.Capabilities{}); e.Doors.Web == nil || len(e.Resources) != len(d.Resources)-5 {
		t.Errorf("without containers: %+v, %d and %d resources", e.Doors.Web, len(e.Resources), len(d.Resources))
	}
}
