package depot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"

	"maillab/internal/control"
	"maillab/internal/period"
)

// Keeper copies a node's sandboxes to other nodes, when anything was changed in them.
type Keeper struct {
	Client *control.Client // of this node's own gateway
	Store  *Store          // this node's
	Now    func() time.Time
	Log    *slog.Logger

	sent map[int]sent
}

// sent is what was copied last of a seat.
type sent struct {
	to          string
	incarnation int
	stamp, id   string
}

// idle is how often is looked whether copies are wanted by now, soon when is tried again what failed, as of a sandbox that was
// starting, and patience how long one may take.
const (
	idle     = 2 * time.Second
	soon     = 5 * time.Second
	patience = 5 * time.Minute
)

// Run copies until ctx ends.
func (k *Keeper) Run(ctx context.Context) {
	for ctx.Err() == nil {
		began := k.Now()
		every, err := k.Round(ctx)
		if err != nil && ctx.Err() == nil {
			k.Log.Warn("copies of sandboxes", "err", err)
		}
		wait := idle
		if every > 0 { // so early that the copies before are no older than that when the next are done
			wait = max(every-2*k.Now().Sub(began), every/10)
		}
		if err != nil {
			wait = min(wait, soon)
		}
		_ = period.Wait(ctx, wait) // the loop sees that ctx has ended
	}
}

// Round copies once what is on this node and has changed, and tells when the next is due; 0: no copies are wanted, or this node serves
// nothing now.
func (k *Keeper) Round(ctx context.Context) (every time.Duration, err error) {
	doors, err := k.Client.Doors(ctx)
	if err != nil || doors.Mesh == nil {
		return 0, err
	}
	seats := []int{}
	for _, t := range doors.Sandboxes {
		seats = append(seats, t.Seat)
	}
	if len(seats) > 0 { // else nothing is known yet
		err = k.Store.Only(seats)
	}
	plan := doors.Mesh.Copying
	if plan == nil || plan.Every <= 0 || err != nil {
		return 0, err
	}
	state, err := k.Client.Mesh(ctx)
	if err != nil || !state.Serving {
		return 0, err
	}
	var failed []error
	for _, t := range doors.Sandboxes {
		if t.Node != state.Node || t.Closed {
			delete(k.sent, t.Seat)
			continue
		}
		if err := k.copy(ctx, t, standIns(state, t.Seat), plan.Keep); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", t.Name(), err))
		}
	}
	return plan.Every, errors.Join(failed...)
}

// standIns are the other nodes that are heard, in an order that differs from seat to seat and stays for each.
func standIns(state control.MeshState, seat int) (nodes []string) {
	var others []control.NodeState
	for _, n := range state.Nodes {
		if n.ID != state.Node {
			others = append(others, n)
		}
	}
	for i := range others {
		if n := others[(i+seat)%len(others)]; n.Heard {
			nodes = append(nodes, n.ID)
		}
	}
	return nodes
}

var errNowhere = errors.New("no other node is heard that could keep a copy")

// copy has the first of the nodes that can keep a copy of a sandbox do so, unless it has what there is.
func (k *Keeper) copy(ctx context.Context, t control.Target, nodes []string, keep int) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if len(nodes) == 0 {
		return errNowhere
	}
	at := k.Now()
	stamp, err := k.Client.Seat(t.Seat).Stamp(ctx)
	if err != nil {
		return err
	}
	was := k.sent[t.Seat]
	if was.stamp == stamp && was.incarnation == t.Incarnation && was.to == nodes[0] {
		err := control.Depot{Client: k.Client, Node: was.to}.Still(ctx, t.Seat, was.id, at)
		if told := new(control.Error); err == nil || !errors.As(err, &told) || told.Status != http.StatusNotFound {
			return err
		}
	}
	var failed []error
	for _, node := range nodes {
		id := ID(t.Incarnation, at)
		err := k.send(ctx, t.Seat, control.Depot{Client: k.Client, Node: node}, id, keep)
		if err == nil {
			if k.sent == nil {
				k.sent = map[int]sent{}
			}
			if delete(k.sent, t.Seat); node == nodes[0] { // of a copy on another, the first is asked again
				k.sent[t.Seat] = sent{to: node, incarnation: t.Incarnation, stamp: stamp, id: id}
			}
			return nil
		}
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

// send copies a sandbox to a node.
func (k *Keeper) send(ctx context.Context, seat int, to control.Depot, id string, keep int) error {
	stream, err := k.Client.Seat(seat).Save(ctx, nil)
	if err != nil {
		return err
	}
	defer stream.Close()
	r, w := io.Pipe()
	go func() {
		w.CloseWithError(pack(w, stream))
	}()
	defer r.Close()
	if err := to.Put(ctx, seat, id, keep, r); err != nil {
		return fmt.Errorf("copy to node %q: %w", to.Node, err)
	}
	return nil
}

func pack(w io.Writer, from io.Reader) error {
	packed, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
	if err != nil {
		return err
	}
	_, err = io.Copy(packed, from)
	if err != nil {
		return errors.Join(err, packed.Close())
	}
	return packed.Close()
}

// Unpack reads what was kept.
func Unpack(r io.Reader) (io.Reader, func(), error) {
	in, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8<<20), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, nil, err
	}
	return in, in.Close, nil
}

// unheard is how long a node is waited for that the others do not hear.
const unheard = 2 * time.Second

// Everywhere are the copies on all nodes.
func Everywhere(ctx context.Context, client *control.Client) ([]control.Kept, error) {
	state, err := client.Mesh(ctx)
	if err != nil {
		return nil, err
	}
	return On(ctx, client, state.Nodes)
}

// On are the copies on nodes, as a gateway has just told of them. One that is not heard, and does not answer, has none.
func On(ctx context.Context, client *control.Client, nodes []control.NodeState) ([]control.Kept, error) {
	lists := make([][]control.Kept, len(nodes))
	var asked errgroup.Group // side by side: a node that is away is waited for, at nobody else's cost
	for n, node := range nodes {
		asked.Go(func() (err error) {
			ctx := ctx
			if !node.Heard {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, unheard)
				defer cancel()
			}
			if lists[n], err = (control.Depot{Client: client, Node: node.ID}).List(ctx); err != nil && node.Heard {
				return fmt.Errorf("copies on %s: %w", node.Name, err)
			}
			return nil
		})
	}
	if err := asked.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(lists...), nil
}

// Newest are the newest copies of these seats, wherever they are, by seat.
func Newest(all []control.Kept, seats []int) map[int]control.Kept {
	newest := map[int]control.Kept{}
	for _, kept := range all {
		if !slices.Contains(seats, kept.Seat) {
			continue
		}
		if n, is := newest[kept.Seat]; !is || kept.ID > n.ID || kept.ID == n.ID && kept.Time.After(n.Time) {
			newest[kept.Seat] = kept
		}
	}
	return newest
}
