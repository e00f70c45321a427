package instance

import (
	"maps"
	"net"
	"strconv"
	"strings"
	"time"

	"maillab/internal/control"
	"maillab/internal/engine"
	"maillab/internal/handoff"
	"maillab/internal/outline"
	"maillab/internal/plan"
	"maillab/internal/spec"
)

// Wish is what an instance is to be: everything that is decided, before it is spread over resources.
type Wish struct {
	Name     string
	Topology string
	Image    string         // tag
	Filter   string         // tag of the image of the class's SpamAssassin; "": it has none
	Specs    []spec.Sandbox // one a sandbox
	Limits   Limits
	Publish  Publishing
	Web      bool         // the class has a page
	Page     control.Page // how it is served
	Forward  bool         // the engine forwards to the gateway, which is not on the host's network
	Host     string       // what students are told; "" is where the doors listen
	Owner    string
	Created  time.Time
	Expires  time.Time         // zero: never
	Run      string            // of a disposable instance
	Token    func(int) string  // the control token of a seat: the one that it has, or a new one
	Students map[int][]string  // roster keys by sandbox, in the order of their seats
	Seats    map[string]int    // of students
	UIDs     map[int]int       // the first uid of each seat's range
	Labels   map[string]string // further labels on everything
}

// Limits of one sandbox's container.
type Limits struct {
	Memory   int64 // bytes
	NanoCPUs int64
	PIDs     int64
}

// Desired is a wish spread out: the resources, and what goes through the gateway.
type Desired struct {
	Resources []engine.Resource
	Specs     map[int]spec.Sandbox
	Doors     control.Doors
}

// tmpBytes is the size of a sandbox's /tmp, and of its /var/tmp, which count against its memory: both full must leave room
// for the daemons.
const tmpBytes = 16 << 20

// Desire spreads a wish over the resources of an engine. It is pure.
func Desire(w Wish, can engine.Capabilities) (Desired, error) {
	d := Desired{Specs: map[int]spec.Sandbox{}}
	if can.System {
		d.Resources = append(d.Resources,
			engine.Resource{Kind: engine.Image, Image: &engine.ImageSpec{Tag: w.Image}},
			w.resource(engine.Socket, 0, nil))
	}
	gateway := w.gateway(can)
	d.Resources = append(d.Resources, gateway)
	if w.page() != "" && can.System {
		d.Resources = append(d.Resources, w.web())
	}
	if w.Filter != "" {
		d.Resources = append(d.Resources, engine.Resource{Kind: engine.Image, Image: &engine.ImageSpec{Tag: w.Filter, Recipe: "filter/Dockerfile"}}, w.filter())
	}
	for _, s := range w.Specs {
		rs, err := w.sandbox(s, can)
		if err != nil {
			return Desired{}, err
		}
		d.Resources = append(d.Resources, rs...)
		d.Specs[s.Seat] = s
	}
	d.Doors = doorsOf(d.Resources)
	equip(gateway.Sandbox, d.Doors)
	for i := range d.Resources {
		if d.Resources[i].Kind != engine.Image {
			d.Resources[i].Labels[engine.LabelSpec] = plan.Hash(d.Resources[i])
		}
	}
	engine.Sort(d.Resources)
	return d, nil
}

// Hashes are the specs' hashes by seat and that of the doors under plan.DoorsSeat: what plan.Diff wants.
func (d Desired) Hashes() map[int]string {
	hashes := map[int]string{plan.DoorsSeat: hashDoors(d.Doors)}
	for seat, s := range d.Specs {
		hashes[seat] = s.Hash()
	}
	return hashes
}

// Outlines are the sandboxes in outline, by seat.
func (d Desired) Outlines() map[int]outline.Outline {
	all := map[int]outline.Outline{}
	for _, r := range d.Resources {
		if r.Kind == engine.Sandbox {
			all[r.Seat] = outline.Of(d.Specs[r.Seat], *r.Sandbox)
		}
	}
	return all
}

// students is the label of whose a sandbox is. On a shared one each stands in the place of his own seat, with nothing in the place of
// one that is empty: who has no more than the labels finds the seats there.
func (w Wish) students(seat int) string {
	var places []string
	for _, key := range w.Students[seat] {
		for seat == 0 && len(places) < w.Seats[key]-1 {
			places = append(places, "")
		}
		places = append(places, key)
	}
	return strings.Join(places, ",")
}

// sandbox is one sandbox with its volumes.
func (w Wish) sandbox(s spec.Sandbox, can engine.Capabilities) ([]engine.Resource, error) {
	published := w.Publish.Open(s.Services)
	if !can.System {
		published.SSH = nil
	}
	doors, err := w.Publish.doors(s.Seat, published)
	if err != nil {
		return nil, err
	}
	labels := map[string]string{
		engine.LabelStudent: w.students(s.Seat),
		engine.LabelToken:   w.Token(s.Seat),
		engine.LabelDoors:   formatDoors(doors),
		engine.LabelRelay:   relayOf(s),
		engine.LabelDomain:  domainOf(s),
	}
	container := &engine.SandboxSpec{
		Image: w.Image, Hostname: strings.SplitN(s.Hostname, ".", 2)[0],
		Memory: w.Limits.Memory, NanoCPUs: w.Limits.NanoCPUs, PIDs: w.Limits.PIDs, TmpBytes: tmpBytes,
	}
	if can.System {
		labels[engine.LabelUIDs] = strconv.Itoa(w.UIDs[s.Seat])
		container.Env = map[string]string{handoff.EnvToken: labels[engine.LabelToken], "MAILLAB_UID_BASE": labels[engine.LabelUIDs]}
		if s.Between != nil {
			container.Env["MAILLAB_BETWEEN"] = "yes"
		}
	}
	var volumes []engine.Resource
	for _, part := range parts(can) {
		v := w.resource(engine.Volume, s.Seat, map[string]string{engine.LabelStudent: labels[engine.LabelStudent]})
		v.Part, v.Labels[engine.LabelPart], v.Bytes = part, part, w.hardLimit(s, part)
		volumes = append(volumes, v)
	}
	r := w.resource(engine.Sandbox, s.Seat, labels)
	r.Sandbox = container
	return append(volumes, r), nil
}

// hardLimit is what a volume that students fill may hold at most: twice what they may have, so that mail is refused and
// programs are ended in words before the file system stops everybody. Where nothing can see to it there is none.
func (w Wish) hardLimit(s spec.Sandbox, part string) int64 {
	if s.Limits.SpoolBytes <= 0 || part == "state" {
		return 0
	}
	const skeletons = 16 << 20 // homes as they begin, and what a rewrite keeps beside a mailbox
	return 2*s.Limits.SpoolBytes*int64(max(1, len(w.Students[s.Seat]))) + skeletons
}

// parts are the volumes of a sandbox.
func parts(can engine.Capabilities) []string {
	if can.System {
		return []string{"mail", "home", "state"}
	}
	return []string{"data"}
}

// relayOf is what the gateway dials for a sandbox, host:port; "" is nothing. A name is looked up at each dial.
func relayOf(s spec.Sandbox) string {
	if s.Services.SMTP == nil || s.Services.SMTP.Relay == "reject" || s.Services.SMTP.Relay == "" {
		return ""
	}
	relay := s.Services.SMTP.Relay
	if _, _, err := net.SplitHostPort(relay); err != nil {
		relay = net.JoinHostPort(strings.Trim(relay, "[]"), "25")
	}
	return relay
}

// domainOf is the domain by which a sandbox's neighbours know it; "" where it has none.
func domainOf(s spec.Sandbox) string {
	if s.Between == nil {
		return ""
	}
	return s.Domain
}

// resource is one with the labels that all have.
func (w Wish) resource(kind engine.Kind, seat int, labels map[string]string) engine.Resource {
	r := engine.Resource{Kind: kind, Instance: w.Name, Seat: seat, State: engine.Running, Labels: map[string]string{
		engine.LabelInstance: w.Name,
		engine.LabelLab:      w.lab(),
		engine.LabelKind:     string(kind),
		engine.LabelOwner:    w.Owner,
		engine.LabelCreated:  w.Created.UTC().Format(time.RFC3339Nano),
		engine.LabelTopology: w.Topology,
	}}
	if kind == engine.Volume || kind == engine.Sandbox {
		r.Labels[engine.LabelSeat] = strconv.Itoa(seat)
	}
	if w.Host != "" {
		r.Labels[engine.LabelHost] = w.Host
	}
	if !w.Expires.IsZero() {
		r.Labels[engine.LabelExpires] = w.Expires.UTC().Format(time.RFC3339)
	}
	if w.Run != "" {
		r.Labels[engine.LabelRun] = w.Run
	}
	if at := w.pageLabel(); at != "" {
		r.Labels[engine.LabelWeb] = at
	}
	maps.Copy(r.Labels, w.Labels)
	maps.Copy(r.Labels, labels)
	return r
}

func (w Wish) lab() string {
	if len(w.Specs) == 0 {
		return ""
	}
	return w.Specs[0].Lab
}
