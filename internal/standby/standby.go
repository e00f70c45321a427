// Package standby is what is kept of sandboxes elsewhere than on their own machine, and put back where one is placed anew: for a
// seat the newest of the copies that other machines' gateways keep (package depot), and of the snapshots in the instance's folder.
package standby

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"time"

	"maillab/internal/classroom"
	"maillab/internal/control"
	"maillab/internal/deploy"
	"maillab/internal/depot"
	"maillab/internal/instance"
	"maillab/internal/snapshot"
)

// Copies are an instance's. It implements deploy.Copies.
type Copies struct {
	Store snapshot.Store
	Now   func() time.Time
}

// of are the newest archives that are newer than what gateways keep, by seat: of each the snapshot and the time. An archive is read only
// where its file is newer, and the newest first: what is older than one that is whole is none of interest.
func (c Copies) of(seats []instance.Sandbox, kept map[int]control.Kept) (map[int]archive, error) {
	all, err := c.Store.List()
	if err != nil {
		return nil, err
	}
	newest := map[int]archive{}
	for _, s := range seats {
		found, err := c.newer(all, s, kept[s.Seat].Time)
		if err != nil {
			return nil, err
		}
		if found.snapshot != "" {
			newest[s.Seat] = found
		}
	}
	return newest, nil
}

type archive struct {
	snapshot string
	time     time.Time
}

// newer is a sandbox's newest archive that is whole and newer than a time; none: the zero archive.
func (c Copies) newer(all []snapshot.Info, s instance.Sandbox, than time.Time) (newest archive, err error) {
	var files []archive
	for _, info := range all {
		if at := c.Store.Written(info.Name, s.Seat); at.After(than) {
			files = append(files, archive{info.Name, at})
		}
	}
	slices.SortFunc(files, func(a, b archive) int { return b.time.Compare(a.time) })
	for _, f := range files {
		if !f.time.After(newest.time) {
			break // nothing is in a file that was not there when it was written
		}
		m, err := c.whole(f.snapshot, s)
		if errors.Is(err, errOthers) || errors.Is(err, snapshot.ErrDamaged) || errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return newest, err
		}
		if m.Time.After(newest.time) && m.Time.After(than) {
			newest = archive{f.snapshot, m.Time}
		}
	}
	return newest, nil
}

// errOthers is an archive of a seat that somebody else had.
var errOthers = errors.New("it is of other students")

// whole reads an archive to its end, and tells what it is if it is of all of a sandbox's students.
func (c Copies) whole(name string, s instance.Sandbox) (snapshot.Manifest, error) {
	f, err := c.Store.Open(name, s.Seat)
	if err != nil {
		return snapshot.Manifest{}, err
	}
	defer f.Close()
	m, err := snapshot.Verify(f)
	if err == nil && slices.ContainsFunc(s.Students, func(key string) bool { return !slices.Contains(m.Students, key) }) {
		err = errOthers
	}
	return m, err
}

// elsewhere are the newest copies that gateways keep of these seats.
func elsewhere(ctx context.Context, client *control.Client, seats []instance.Sandbox) (map[int]control.Kept, error) {
	all, err := depot.Everywhere(ctx, client)
	var numbers []int
	for _, s := range seats {
		numbers = append(numbers, s.Seat)
	}
	return depot.Newest(all, numbers), err
}

// Newest implements deploy.Copies.
func (c Copies) Newest(ctx context.Context, i deploy.Running, seats []instance.Sandbox) (map[int]time.Time, error) {
	client := i.Client()
	defer client.Close()
	kept, err := elsewhere(ctx, client, seats)
	if err != nil {
		return nil, err
	}
	newest, err := c.of(seats, kept)
	times := map[int]time.Time{}
	for seat, k := range kept {
		times[seat] = k.Time
	}
	for seat, a := range newest {
		times[seat] = a.time
	}
	return times, err
}

// Fetch implements deploy.Copies. What is fetched becomes a snapshot, from which it can also be put back later, or compared.
func (c Copies) Fetch(ctx context.Context, i deploy.Running, seats []instance.Sandbox) (map[int]string, error) {
	client := i.Client()
	defer client.Close()
	kept, err := elsewhere(ctx, client, seats)
	if err != nil {
		return nil, err
	}
	newest, err := c.of(seats, kept)
	if err != nil {
		return nil, err
	}
	names := map[int]string{}
	var wanted []instance.Sandbox
	for _, s := range seats {
		if a, is := newest[s.Seat]; is {
			names[s.Seat] = a.snapshot
		} else if _, is := kept[s.Seat]; is {
			wanted = append(wanted, s)
		}
	}
	if len(wanted) == 0 {
		return names, nil
	}
	name := "copy-" + c.Now().UTC().Format("20060102-150405")
	draft, err := c.Store.Begin(name)
	if err != nil {
		return nil, err
	}
	defer draft.Abort()
	failed := instance.Each(ctx, wanted, func(ctx context.Context, s instance.Sandbox) error {
		return fetch(ctx, client, draft, i, s, kept[s.Seat])
	})
	for seat, err := range failed {
		return nil, fmt.Errorf("the copy of seat %d is not fetched: %w", seat, err)
	}
	for _, s := range wanted {
		names[s.Seat] = name
	}
	return names, draft.Commit()
}

// fetch makes an archive of a copy.
func fetch(ctx context.Context, client *control.Client, draft *snapshot.Draft, i deploy.Running, s instance.Sandbox, k control.Kept) error {
	packed, err := control.Depot{Client: client, Node: k.Node}.Open(ctx, k)
	if err != nil {
		return err
	}
	defer packed.Close()
	stream, done, err := depot.Unpack(packed)
	if err != nil {
		return err
	}
	defer done()
	return archived(draft, i, s, k.Time, stream)
}

// Take implements deploy.Copies.
func (c Copies) Take(ctx context.Context, i deploy.Running, seats []instance.Sandbox) (map[int]string, error) {
	name := "moved-" + c.Now().UTC().Format("20060102-150405")
	draft, err := c.Store.Begin(name)
	if err != nil {
		return nil, err
	}
	defer draft.Abort()
	client := i.Client()
	defer client.Close()
	failed := instance.Each(ctx, seats, func(ctx context.Context, s instance.Sandbox) error {
		stream, err := client.Seat(s.Seat).Save(ctx, nil)
		if err != nil {
			return err
		}
		defer stream.Close()
		return archived(draft, i, s, c.Now(), stream)
	})
	for seat, err := range failed {
		return nil, fmt.Errorf("what seat %d has cannot be kept, and it stays where it is: %w", seat, err)
	}
	names := map[int]string{}
	for _, s := range seats {
		names[s.Seat] = name
	}
	return names, draft.Commit()
}

// archived makes an archive of a sandbox's stream.
func archived(draft *snapshot.Draft, i deploy.Running, s instance.Sandbox, at time.Time, stream io.Reader) error {
	about := snapshot.Manifest{Lab: i.Lab, Instance: i.Name, Seat: s.Seat, Students: s.Students, Time: at.UTC()}
	return draft.Put(s.Seat, func(w io.Writer) error {
		_, err := snapshot.Write(w, about, stream)
		return err
	})
}

// PutBack implements deploy.Copies.
func (c Copies) PutBack(ctx context.Context, i deploy.Running, s instance.Sandbox, name string) error {
	if _, err := c.whole(name, s); err != nil {
		return fmt.Errorf("seat %d is not put back to snapshot %s: %w", s.Seat, name, err)
	}
	client := i.Client()
	defer client.Close()
	_, err := classroom.Restore(ctx, client, c.Store, name, s.Seat, s.Seat, control.Restore{Scope: "all"})
	return err
}
