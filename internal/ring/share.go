package ring

import (
	"cmp"
	"os"
	"slices"
	"strings"
)

// node is an owner, or all that are below one. Its things are by their age.
type node struct {
	size   int64
	count  int
	below  map[string]*node
	things []*thing
}

// join counts a thing in, with all above its owner.
func (n *node) join(t *thing) {
	for _, name := range strings.Split(t.Owner, "/") {
		n.size, n.count = n.size+t.size, n.count+1
		if n.below == nil {
			n.below = map[string]*node{}
		}
		if n.below[name] == nil {
			n.below[name] = &node{}
		}
		n = n.below[name]
	}
	n.size, n.count = n.size+t.size, n.count+1
	at := len(n.things)
	for at > 0 && older(t, n.things[at-1]) < 0 {
		at--
	}
	n.things = slices.Insert(n.things, at, t)
}

func older(a, b *thing) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.nth, b.nth)) }

// leave is the opposite of join. An owner without a thing is forgotten.
func (n *node) leave(t *thing) {
	n.remove(t, strings.Split(t.Owner, "/"))
}

func (n *node) remove(t *thing, path []string) {
	n.size, n.count = n.size-t.size, n.count-1
	if len(path) == 0 {
		if at, found := slices.BinarySearchFunc(n.things, t, older); found {
			n.things = slices.Delete(n.things, at, at+1)
		}
		return
	}
	child := n.below[path[0]]
	if child.remove(t, path[1:]); child.count == 0 {
		delete(n.below, path[0])
	}
}

// Guests is the first name of owners that nobody has vouched for: together they have a fifth of what all others have
// together, when there is not enough for everybody.
const Guests = "guests"

// guestsCount is how much more heavily theirs weighs.
const guestsCount = 4

// most is the oldest thing of the owner that has most, by a measure; not the one with this key, unless it has no other.
func (n *node) most(measure func(*node) int64, spare string) *thing {
	for len(n.below) > 0 {
		var most *node
		var name string
		var weight int64
		for one, child := range n.below {
			w := measure(child)
			if one == Guests {
				w *= guestsCount
			}
			if most == nil || w > weight || w == weight && one < name {
				most, name, weight = child, one, w
			}
		}
		n = most
	}
	if n.things[0].Key == spare && len(n.things) > 1 {
		return n.things[1]
	}
	return n.things[0]
}

// shrink lets things go until all are within the bounds, then files. The thing that has just come is the last to go.
func (r *Ring) shrink(spare string) error {
	for r.owners.count > max(r.cfg.Count, 1) {
		r.lose(r.owners.most(func(n *node) int64 { return int64(n.count) }, spare))
	}
	for r.owners.size > r.cfg.Octets-3*r.cfg.Octets/segments && r.owners.count > 1 {
		r.lose(r.owners.most(func(n *node) int64 { return n.size }, spare))
	}
	for before := r.total + 1; before > r.total && r.total > r.cfg.Octets-r.cfg.Octets/segments && len(r.files) > 1; {
		before = r.total
		if err := r.remove(r.emptiest()); err != nil {
			return err
		}
	}
	return nil
}

// lose forgets a thing. Its room is free when its file goes.
func (r *Ring) lose(t *thing) {
	for _, s := range t.spans {
		s.file.live -= s.len
	}
	r.owners.leave(t)
	delete(r.things, t.Key)
	r.cfg.Lost(t.Key)
}

// emptiest is the index of the file with the least to be kept in it; the last one is being written. Of all files together
// an eighth at least is nobody's, so it has room to give.
func (r *Ring) emptiest() int {
	best := 0
	for i, f := range r.files[:len(r.files)-1] {
		if f.live*r.files[best].size < r.files[best].live*f.size {
			best = i
		}
	}
	return best
}

// remove writes what is kept of a file again, and removes it.
func (r *Ring) remove(i int) error {
	f := r.files[i]
	if f.live > 0 {
		for _, t := range r.things {
			if err := r.carry(t, f); err != nil {
				return err
			}
		}
		if err := r.Flush(); err != nil {
			return err
		}
	}
	r.files = slices.DeleteFunc(r.files, func(one *segment) bool { return one == f })
	r.total -= f.size
	return os.Remove(r.path(f.number))
}

// carry writes the records that a thing has in a file again, at the end of all.
func (r *Ring) carry(t *thing, from *segment) error {
	for i := range t.spans {
		s := &t.spans[i]
		if s.file != from {
			continue
		}
		text, err := r.read(*s)
		if err != nil {
			return err
		}
		if lost := s.len - int64(len(text)); lost > 0 { // a write had failed
			r.owners.leave(t)
			t.size -= lost
			r.owners.join(t)
		}
		err = r.append(Record{}, func(_ Record, size int64) {
			last := r.files[len(r.files)-1]
			from.live -= s.len
			*s = span{s.part, last, last.size, size}
			last.size, last.live, r.total = last.size+size, last.live+size, r.total+size
		}, text)
		if err != nil {
			return err
		}
	}
	return nil
}
