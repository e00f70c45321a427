// Package engine is the contract between the controller and what runs sandboxes. Desired and actual state have one
// shape: a list of Resources. An engine observes what exists, puts one resource, removes one, and opens a stream to an
// instance's gateway; everything else (plans, waiting for ready, pushing specs, doors) is built on these four.
//
// What runs is described by the resources' labels alone, so that an instance stays manageable when every file of the
// controller is gone.
package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
)

// Kind orders resources: one of a later kind may need one of an earlier kind of the same instance.
type Kind string

// The kinds, in the order in which they are created.
const (
	Image   Kind = "image"   // shared by all instances, never removed by down
	Socket  Kind = "socket"  // one an instance: the volume on which sandboxes register at the gateway
	Gateway Kind = "gateway" // one an instance: its door
	Facts   Kind = "facts"   // what labels said and says otherwise now; no contents
	Volume  Kind = "volume"  // one a sandbox and Part
	Sandbox Kind = "sandbox" // one a seat
	Web     Kind = "web"     // one an instance, or none: the class's page
	Filter  Kind = "filter"  // one an instance, or none: SpamAssassin, which the servers of all ask
)

// State of a resource as observed.
type State string

// States. A desired resource is always Running.
const (
	Running State = "running"
	Stopped State = "stopped" // there, but not running: exited, dead, created and never started
	Paused  State = "paused"  // its processes are held
	Missing State = "missing" // not there, though what it stood on is; never observed
)

// Resource is one thing that an engine keeps for an instance.
type Resource struct {
	Kind     Kind
	Instance string
	Seat     int    // sandboxes and volumes; 0 is the shared sandbox
	Version  int    // facts: of an instance's those with the highest are in force
	Part     string // volumes: "mail", "home", "state"
	Bytes    int64  // volumes: the most that it may hold, where the engine can see to that; 0 is no bound
	State    State  // observed only

	// Labels are what the engine keeps with it, word for word. LabelSpec is a hash over what cannot be changed without
	// recreating the resource.
	Labels map[string]string

	Sandbox *SandboxSpec `json:",omitempty"` // sandboxes, gateways, pages, filters
	Image   *ImageSpec   `json:",omitempty"`
}

// ImageSpec is the sandbox image, or the filter's. Its tag is a hash of all that goes into it, so an image that exists is up to date.
type ImageSpec struct {
	Tag    string
	Recipe string `json:",omitempty"` // its Dockerfile, if that is not the context's own
}

// SandboxSpec is what a container is made from. A sandbox's has no network.
type SandboxSpec struct {
	Image    string
	Hostname string
	Env      map[string]string // for the supervisor only; a student never sees it
	Memory   int64             // bytes, 0 unlimited
	NanoCPUs int64             // 1e9 is one processor, 0 unlimited
	PIDs     int64             // 0 unlimited
	TmpBytes int64             // size of /tmp

	// Publish is what the engine forwards to a gateway that is not on the host's network: where people connect, as host:port,
	// by the TCP port on which the gateway listens.
	Publish map[int]string `json:",omitempty"`
}

// A gateway's limits where its resource sets none.
const (
	GatewayMemory = 192 << 20 // bytes: 6,000 connections, at some 14 KiB of ours each, and the kernel's
	GatewayPIDs   = 1024      // thirty commands at once, and each stream is a process
)

// Labels. All are prefixed, all values are short text.
const (
	LabelInstance = "maillab.instance"
	LabelLab      = "maillab.lab"
	LabelKind     = "maillab.kind"
	LabelSeat     = "maillab.seat"
	LabelPart     = "maillab.part"
	LabelUIDs     = "maillab.uids"    // the first of a sandbox's range of uids
	LabelVersion  = "maillab.version" // of facts
	LabelStudent  = "maillab.student" // roster key; on a shared sandbox the keys by their seats, with commas between
	LabelSpec     = "maillab.spec"    // hash over the inputs that need a recreation when they change
	LabelOwner    = "maillab.owner"
	LabelCreated  = "maillab.created" // RFC 3339
	LabelExpires  = "maillab.expires" // RFC 3339, absent: never
	LabelRun      = "maillab.run"     // set on disposable instances
	LabelToken    = "maillab.token"   // by which a sandbox, the page or the filter registers at its gateway
	LabelDoors    = "maillab.doors"   // service=host:port, comma separated: where students reach a sandbox
	LabelRelay    = "maillab.relay"   // host:port of the one server that a sandbox may have dialled for it, "" for none
	LabelDomain   = "maillab.domain"  // by which a sandbox's neighbours know it, "" where it has none
	LabelForward  = "maillab.forward" // "ports" on a gateway whose doors the engine forwards to it
	LabelHost     = "maillab.host"    // what students are told to connect to
	LabelTopology = "maillab.topology"
	LabelWeb      = "maillab.web"  // host:port of the class's page, https:// before it where it has TLS; absent where there is none
	LabelMesh     = "maillab.mesh" // host:port where the gateways of several nodes listen for one another
)

// SeatLabel is the label by which one resource says something of a seat that is not its own.
func SeatLabel(label string, seat int) string { return label + "." + strconv.Itoa(seat) }

// OfSeat undoes SeatLabel.
func OfSeat(text, label string) (seat int, ok bool) {
	number, ok := strings.CutPrefix(text, label+".")
	seat, err := strconv.Atoi(number)
	return seat, ok && err == nil
}

// IsSeatLabel tells whether a label is one.
func IsSeatLabel(label string) bool { return strings.Count(label, ".") > 1 }

// Capabilities say what an engine cannot do, so that nobody finds out in the middle.
type Capabilities struct {
	Name     string
	System   bool   // system accounts, SSH, the mail command
	Isolated bool   // sandboxes are cut off from one another
	Forwards bool   // no host networking: the engine has to forward to a gateway's doors, and hides who connects
	LowPorts bool   // doors may have ports under 1024, whoever the user is
	Seccomp  bool   // containers run under our own filter of system calls, not the engine's
	Nodes    bool   // sandboxes are on several machines; what people connect to is the same on each
	Parallel int    // how many steps may be with it at the same time, where it is more than is asked for
	Missing  string // for people: what is not there, "" when nothing is
	Mend     string // for people: what has to be done before any sandbox can run here, "" when they can
}

// Progress is told what a long step is doing, a line at a time, and not after the step has ended; nil is allowed.
type Progress func(line string)

// Engine runs sandboxes. All methods are safe for concurrent use. Put and Remove are idempotent: putting what is there
// and running, or removing what is not there, does nothing and is no error. Put does not change an existing resource
// other than starting it: a drifted one is removed first, by the plan.
type Engine interface {
	Capabilities() Capabilities
	// Observe returns everything of one instance, or of all when instance is "", sorted with Sort; and, always, the
	// sandbox images that exist.
	Observe(ctx context.Context, instance string) ([]Resource, error)
	Put(ctx context.Context, r Resource, progress Progress) error
	Remove(ctx context.Context, r Resource) error
	// Dial opens a stream to the instance's gateway, which speaks HTTP/2 without TLS on it (see package control).
	Dial(ctx context.Context, instance string) (net.Conn, error)
}

// Execer is an engine that can run a command as root in a sandbox, for the teacher.
type Execer interface {
	Exec(ctx context.Context, instance string, seat int, cmd []string, io IO) (exit int, err error)
}

// IO is a command's streams; nil is empty or thrown away.
type IO struct {
	In       io.Reader
	Out, Err io.Writer
}

// Sentinels that callers branch on.
var (
	ErrUnavailable = errors.New("no engine answers")
	ErrNotFound    = errors.New("not found")
	ErrConflict    = errors.New("a name, address or port is taken")
)

// Sort puts resources into the one order in which they are printed, planned and hashed: instance, kind, seat, part.
func Sort(rs []Resource) {
	slices.SortFunc(rs, func(a, b Resource) int {
		return cmp.Or(
			cmp.Compare(a.Instance, b.Instance),
			cmp.Compare(rank(a.Kind), rank(b.Kind)),
			cmp.Compare(a.Seat, b.Seat),
			cmp.Compare(a.Version, b.Version),
			cmp.Compare(a.Part, b.Part),
		)
	})
}

// rank is a kind's place in the order of creation.
func rank(k Kind) int {
	return slices.Index([]Kind{Image, Socket, Gateway, Facts, Volume, Sandbox, Web, Filter}, k)
}

// ID names a resource within its instance: "socket", "gateway", "facts 1", "volume 3 mail",
// "sandbox 3", "image TAG".
func (r Resource) ID() string {
	switch r.Kind {
	case Facts:
		return fmt.Sprintf("%s %d", r.Kind, r.Version)
	case Volume:
		return fmt.Sprintf("%s %d %s", r.Kind, r.Seat, r.Part)
	case Sandbox:
		return fmt.Sprintf("%s %d", r.Kind, r.Seat)
	case Image:
		if r.Image == nil {
			return string(r.Kind)
		}
		return fmt.Sprintf("%s %s", r.Kind, r.Image.Tag)
	default:
		return string(r.Kind)
	}
}
