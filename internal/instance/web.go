package instance

import (
	"net"
	"strconv"

	"maillab/internal/control"
	"maillab/internal/engine"
)

// A class may have a page. Where it is, all labels say; on an engine that runs containers it is one of its own, which
// registers at the gateway like a sandbox, and on others a part of the instance's process.

// webOffset is where the page is from the base on.
const webOffset = 80

// page is where the page listens, "" where there is none.
func (w Wish) page() string {
	base := w.Publish.Base
	if len(w.Publish.Blocks) > 0 {
		base = w.Publish.Blocks[0].Base
	}
	if !w.Web || base == 0 {
		return ""
	}
	return net.JoinHostPort(w.Publish.Listen, strconv.Itoa(base+webOffset))
}

// Of the page's container.
const (
	webMemory = 256 << 20 // a class of 30 with terminals takes a quarter
	webPIDs   = 256
)

// web is the page's container.
func (w Wish) web() engine.Resource {
	r := w.resource(engine.Web, 0, map[string]string{engine.LabelToken: w.Token(control.WebSeat)})
	r.Sandbox = &engine.SandboxSpec{Image: w.Image, Memory: webMemory, PIDs: webPIDs, Env: map[string]string{
		"MAILLAB_TOKEN": r.Labels[engine.LabelToken], "MAILLAB_INSTANCE": w.Name,
	}}
	return r
}

// webOf is the page as the gateway is to know it.
func webOf(resources []engine.Resource) *control.Target {
	listen, token := "", ""
	for _, r := range resources {
		switch r.Kind {
		case engine.Gateway:
			listen = r.Labels[engine.LabelWeb]
		case engine.Web:
			token = r.Labels[engine.LabelToken]
		}
	}
	if listen == "" {
		return nil
	}
	return &control.Target{Seat: control.WebSeat, Token: token, Doors: []control.Door{{Service: "web", Listen: listen}}}
}

// WebAddress is where people open the class's page, "" where there is none.
func (i Instance) WebAddress() string {
	if web := i.Doors().Web; web != nil {
		return "http://" + reach(web.Doors[0].Listen, i.Host) + "/"
	}
	return ""
}

// WebAddress is where people are to open the class's page.
func (d Desired) WebAddress(host string) string {
	if d.Doors.Web == nil {
		return ""
	}
	return "http://" + reach(d.Doors.Web.Doors[0].Listen, host) + "/"
}

// WebToken is what the class's page registers by, "" where there is none.
func (i Instance) WebToken() string {
	if web := i.Doors().Web; web != nil {
		return web.Token
	}
	return ""
}
