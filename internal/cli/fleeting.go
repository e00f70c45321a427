package cli

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"maillab/internal/apply"
	"maillab/internal/control"
	"maillab/internal/engine"
	"maillab/internal/instance"
)

// fleeting is what run and sandbox ask of the one way in which instances are brought up.
type fleeting struct {
	name   string                // of the instance, before -n
	alone  bool                  // one student is enough, where each has a sandbox of their own
	run    string                // value of maillab.run: ports anywhere on this machine
	labels map[string]string     // further ones, on everything
	chosen func(e engine.Engine) // told, before anything is created, where it will be
}

// hosted is the embedded engine in this process: it ends with the process, whatever ends that.
type hosted struct {
	maker EngineMaker
	end   func()        // ends what is served
	ended chan struct{} // closed when nothing is served any more, because of end, or of a down from elsewhere
}

// host makes one for an instance whose seats are in the folder seats. ctx may end before what is served does: it takes
// leave in good order.
func (a *app) host(ctx context.Context, seats string) *hosted {
	ctx, end := context.WithCancel(context.WithoutCancel(ctx))
	h := &hosted{end: end, ended: make(chan struct{})}
	log := slog.New(slog.NewTextHandler(a.Err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	var once sync.Once
	e := a.Here(seats, func(runtime, data string) {
		go once.Do(func() {
			defer close(h.ended)
			if err := a.Serve(ctx, runtime, data, log); err != nil && ctx.Err() == nil {
				log.Error("serving stopped", "err", err)
			}
		})
	})
	h.maker = EngineMaker{Name: e.Capabilities().Name, Make: func(context.Context) (engine.Engine, error) { return e, nil }}
	return h
}

// instead puts an engine in the place of the one of the same name.
func instead(makers []EngineMaker, other EngineMaker) []EngineMaker {
	makers = slices.Clone(makers)
	for i := range makers {
		if makers[i].Name == other.Name {
			makers[i] = other
		}
	}
	return makers
}

// begin brings a fleeting instance up. What is returned has been begun, if it is not nil, and must be ended.
func (a *app) begin(ctx context.Context, f upFlags) (*upping, error) {
	s, u, err := a.readUp(f)
	if err != nil {
		return nil, err
	}
	if err := a.prepareUp(ctx, u, f, s); err != nil {
		return nil, err
	}
	if u.existing.Gateway {
		return nil, usagef("an instance is called %s already", u.name)
	}
	if f.fleeting.chosen != nil {
		f.fleeting.chosen(u.engine)
	}
	quiet := a.flags.quiet
	a.flags.quiet = quiet || !u.builds() // what is over in a second need not be told step by step
	result, err := a.settle(ctx, u, f, s)
	a.flags.quiet = quiet
	if err != nil {
		return u, err
	}
	return u, a.ended(ctx, result, u.name+" is up")
}

// builds tells whether the sandbox image has to be built first.
func (u *upping) builds() bool {
	built := !u.engine.Capabilities().System
	for _, r := range u.actual {
		built = built || r.Kind == engine.Image && r.Image.Tag == imageFor(u.engine)
	}
	return !built
}

// mostTries bounds how often a new instance is begun anew because somebody else took what it had chosen.
const mostTries = 6

// settle brings a new instance up. Two that start at the same time may choose the same ports or network: the one that
// comes second lets go and chooses again.
func (a *app) settle(ctx context.Context, u *upping, f upFlags, s source) (apply.Result, error) {
	for try := 1; ; try++ {
		result, err := a.bringNew(ctx, u, f.parallel)
		if err != nil || result.OK() || ctx.Err() != nil || try == mostTries || !conflict(result.Err()) {
			return result, err
		}
		if err := a.finish(ctx, u, nil); err != nil {
			return result, err
		}
		if err := a.prepareUp(ctx, u, f, s); err != nil {
			return result, err
		}
	}
}

func (a *app) bringNew(ctx context.Context, u *upping, parallel int) (apply.Result, error) {
	client := instance.Connect(u.engine, u.name)
	defer client.Close()
	return a.bring(ctx, u, u.diff(ctx, client), client, parallel)
}

// conflict tells whether something failed because it was taken.
func conflict(err error) bool {
	var told *control.Error
	return errors.Is(err, engine.ErrConflict) || errors.As(err, &told) && told.Status == http.StatusConflict
}

// finishPatience is how long taking a disposable instance away may take.
const finishPatience = 2 * time.Minute

// finish takes a disposable instance away, whatever became of ctx; keep tells what stays.
func (a *app) finish(ctx context.Context, u *upping, keep func(engine.Resource) bool) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishPatience)
	defer cancel()
	if keep == nil {
		keep = func(engine.Resource) bool { return false }
	}
	for round := 1; ; round++ {
		p, err := remaining(ctx, u.engine, u.name, keep)
		if err != nil || p.Empty() {
			return err
		}
		if round > mostRounds {
			return fmt.Errorf("%s is not all gone: maillab -n %s down removes what is left", u.name, u.name)
		}
		result := apply.Run(ctx, p, apply.Config{Engine: u.engine})
		if err := result.Err(); err != nil {
			return fmt.Errorf("taking %s away: %w", u.name, err)
		}
	}
}

// randomBase is where a disposable instance looks for ports first: nobody reads them, and two that start at the same time
// should not look at the same ones.
func randomBase(low, highestSeat int) int {
	high := instance.Ephemeral()
	if high == 0 {
		high = 32768
	}
	if room := high - 100*(highestSeat+1) - low; room > 0 {
		return low + rand.IntN(room)
	}
	return low
}

// somePart is a part of the address pool in which the largest network has room, so that fleeting instances that start at
// the same time do not all want the first one.
func somePart(p netip.Prefix) netip.Prefix {
	const bits = 22
	first := binary.BigEndian.Uint32(p.Masked().Addr().AsSlice())
	first += rand.Uint32N(1<<(bits-p.Bits())) << (32 - bits)
	return netip.PrefixFrom(netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, first))), bits)
}

// hostOf is the host at which an engine's doors are reached, "" when that is where they listen: the daemon is on another
// machine, or, for a disposable instance, on the machine on which our own container runs.
func hostOf(e engine.Engine, disposable bool) string {
	remote, ok := e.(interface{ RemoteHost() string })
	if !ok {
		return ""
	}
	if host := remote.RemoteHost(); host != "" || !disposable {
		return host
	}
	if _, err := os.Stat("/.dockerenv"); err != nil {
		return ""
	}
	return hostOfContainer(os.ReadFile, net.InterfaceByName)
}

// hostOfContainer is the address of the machine on which the container that we are in runs: its default route. It is ""
// when Docker's own bridge is here, because then the daemon's network is ours.
func hostOfContainer(read func(string) ([]byte, error), named func(string) (*net.Interface, error)) string {
	if _, err := named("docker0"); err == nil {
		return ""
	}
	text, err := read("/proc/net/route")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 3 || fields[1] != "00000000" {
			continue
		}
		var b [4]byte // in the machine's byte order, which is little-endian wherever Docker runs
		if _, err := fmt.Sscanf(fields[2], "%02X%02X%02X%02X", &b[3], &b[2], &b[1], &b[0]); err == nil {
			return net.IP(b[:]).String()
		}
	}
	return ""
}

// copyLines prints a stream line by line, however long they are, each in one Write, so that several may share a screen.
func copyLines(out io.Writer, prefix string, from io.Reader) error {
	for in := bufio.NewReader(from); ; {
		line, err := in.ReadString('\n')
		if line != "" {
			if _, err := fmt.Fprintf(out, "%s%s\n", prefix, strings.TrimSuffix(line, "\n")); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
