package instance

import (
	"net"
	"slices"
	"strconv"
	"strings"

	"maillab/internal/control"
	"maillab/internal/engine"
	"maillab/internal/handoff"
)

// A class may have a page. Where it is, all labels say; on an engine that runs containers it is one of its own, which
// registers at the gateway like a sandbox, and on others a part of the instance's process.

// webOffset is where the page is from the base on.
const webOffset = 80

// page is where the page listens, "" where there is none.
func (w Wish) page() string {
	if !w.Web || w.Publish.Mode == "none" {
		return ""
	}
	return net.JoinHostPort(w.Publish.Listen, strconv.Itoa(pagePort(w.base())))
}

// base is what the ports of the whole instance count from.
func (w Wish) base() int {
	if len(w.Publish.Blocks) > 0 {
		return w.Publish.Blocks[0].Base
	}
	return w.Publish.Base
}

// pagePort is the first port from the page's place on that browsers open.
func pagePort(base int) int {
	port := base + webOffset
	for refused(port) || port == base+meshOffset {
		port++
	}
	return port
}

// refused tells whether browsers open nothing at a port: "bad ports" of the Fetch standard, as far as they can be a page's.
func refused(port int) bool {
	return slices.Contains([]int{1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080}, port)
}

// overTLS is what stands before the page's address in its label where it is served over TLS.
const overTLS = "https://"

// pageLabel is the page's address as labels say it.
func (w Wish) pageLabel() string {
	if at := w.page(); at != "" && w.Page.TLS {
		return overTLS + at
	}
	return w.page()
}

// pageAt is what such a label says.
func pageAt(label string) (listen string, tls bool) {
	listen, tls = strings.CutPrefix(label, overTLS)
	return listen, tls
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
		handoff.EnvToken: r.Labels[engine.LabelToken], "MAILLAB_INSTANCE": w.Name,
	}}
	return r
}

// webOf is the page as the gateway is to know it.
func webOf(resources []engine.Resource) *control.Target {
	label, page := "", control.Target{Seat: control.WebSeat}
	for _, r := range resources {
		switch r.Kind {
		case engine.Gateway:
			label = r.Labels[engine.LabelWeb]
		case engine.Web:
			page.Token = r.Labels[engine.LabelToken]
			page.Node, page.Incarnation = placeOf(r)
		}
	}
	listen, tls := pageAt(label)
	if listen == "" {
		return nil
	}
	page.Doors = []control.Door{{Service: "web", Listen: listen}}
	if tls {
		page.Page = &control.Page{TLS: true} // with which certificate no label says
	}
	return &page
}

// addressOf is where people open a page, "" where there is none.
func addressOf(web *control.Target, host string) string {
	switch {
	case web == nil:
		return ""
	case web.Page != nil && web.Page.TLS:
		return "https://" + reach(web.Doors[0].Listen, host) + "/"
	}
	return "http://" + reach(web.Doors[0].Listen, host) + "/"
}

// WebAddress is where people open the class's page, "" where there is none.
func (i Instance) WebAddress() string { return addressOf(i.Doors().Web, i.Host) }

// WebAddress is where people are to open the class's page.
func (d Desired) WebAddress(host string) string { return addressOf(d.Doors.Web, host) }

// WebToken is what the class's page registers by, "" where there is none.
func (i Instance) WebToken() string {
	if web := i.Doors().Web; web != nil {
		return web.Token
	}
	return ""
}
