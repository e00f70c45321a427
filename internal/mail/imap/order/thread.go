package order

import (
	"cmp"
	"slices"
)

// Node is a message in a thread; without an entry it stands for one that is not in the mailbox.
type Node struct {
	Entry    *Entry
	parent   *Node
	Children []*Node
}

// first is the entry that a node is sorted by: its own, or its first child's.
func (n *Node) first() *Entry {
	for n.Entry == nil && len(n.Children) > 0 {
		n = n.Children[0]
	}
	return n.Entry
}

func compareSent(a, b *Entry) int {
	return cmp.Or(a.Sent.Compare(b.Sent), cmp.Compare(a.Index, b.Index))
}

func sortNodes(ns []*Node) {
	slices.SortFunc(ns, func(a, b *Node) int { return compareSent(a.first(), b.first()) })
}

// OrderedSubject: messages of one subject are a thread, the first the parent of all others.
func OrderedSubject(entries []*Entry) []*Node {
	slices.SortFunc(entries, compareSent)
	bySubject := map[string]*Node{}
	var roots []*Node
	for _, e := range entries {
		root, ok := bySubject[e.subject]
		if !ok {
			root = &Node{Entry: e}
			bySubject[e.subject] = root
			roots = append(roots, root)
			continue
		}
		root.Children = append(root.Children, &Node{Entry: e})
	}
	return roots
}

// References is the algorithm of RFC 5256, section 3, by its numbered steps.
func References(entries []*Entry) []*Node {
	t := &threader{byID: map[string]*Node{}}
	for _, e := range entries {
		t.link(e) // 1
	}
	var roots []*Node // 2
	for _, n := range t.nodes {
		if n.parent == nil {
			roots = append(roots, n)
		}
	}
	roots = prune(roots, true) // 3
	for _, r := range roots {  // needed to know a dummy's first child
		sortTree(r)
	}
	sortNodes(roots)              // 4
	roots = gatherSubjects(roots) // 5
	for _, r := range roots {     // 6
		sortTree(r)
	}
	sortNodes(roots)
	return roots
}

// threader links messages by their references. nodes keeps the order in which they were met.
type threader struct {
	byID  map[string]*Node
	nodes []*Node
}

func (t *threader) node(id string) *Node {
	n, ok := t.byID[id]
	if !ok {
		n = &Node{}
		t.byID[id] = n
		t.nodes = append(t.nodes, n)
	}
	return n
}

// link is step 1 for one message.
func (t *threader) link(e *Entry) {
	var parent *Node
	for _, id := range e.refs { // (A)
		n := t.node(id)
		if parent != nil && n.parent == nil && !n.above(parent) {
			n.setParent(parent)
		}
		parent = n
	}
	n := &Node{}
	if e.id != "" && (t.byID[e.id] == nil || t.byID[e.id].Entry == nil) {
		n = t.node(e.id)
	} else { // no Message-ID, or one that another message has already
		t.nodes = append(t.nodes, n)
	}
	n.Entry = e
	if parent == n {
		return
	}
	n.setParent(nil) // (B): what the message itself says counts more than what others said of it
	if parent != nil && !n.above(parent) {
		n.setParent(parent)
	}
}

// above says whether n is o or one of its ancestors: linking o above n would make a loop.
func (n *Node) above(o *Node) bool {
	for ; o != nil; o = o.parent {
		if o == n {
			return true
		}
	}
	return false
}

func (n *Node) setParent(p *Node) {
	if old := n.parent; old != nil {
		old.Children = slices.DeleteFunc(old.Children, func(c *Node) bool { return c == n })
	}
	if n.parent = p; p != nil {
		p.Children = append(p.Children, n)
	}
}

// prune is step 3: dummies without children go, those with some give them to their parent, but at the root only one.
func prune(ns []*Node, root bool) []*Node {
	var kept []*Node
	for _, n := range ns {
		n.Children = prune(n.Children, false)
		switch {
		case n.Entry != nil:
			kept = append(kept, n)
		case len(n.Children) == 0:
		case !root || len(n.Children) == 1:
			kept = append(kept, n.Children...)
		default:
			kept = append(kept, n)
		}
	}
	return kept
}

// sortTree sorts siblings by their sent date, from the leaves up.
func sortTree(n *Node) {
	for _, c := range n.Children {
		sortTree(c)
	}
	sortNodes(n.Children)
}

// gatherSubjects is step 5: threads of one subject become one.
func gatherSubjects(roots []*Node) []*Node {
	table := map[string]*Node{}
	for _, n := range roots { // (B)
		e := n.first()
		if e.subject == "" {
			continue
		}
		old, ok := table[e.subject]
		if !ok || old.Entry != nil && n.Entry == nil || old.first().reply && old.Entry != nil && !e.reply {
			table[e.subject] = n
		}
	}
	gone := map[*Node]bool{}
	for i, n := range roots { // (C)
		e := n.first()
		t := table[e.subject]
		if t == nil || t == n || gone[n] {
			continue
		}
		switch {
		case t.Entry == nil && n.Entry == nil:
			t.Children = append(t.Children, n.Children...)
			gone[n] = true
		case t.Entry == nil:
			t.Children = append(t.Children, n)
			gone[n] = true
		case e.reply && !t.first().reply:
			t.Children = append(t.Children, n)
			gone[n] = true
		default:
			dummy := &Node{Children: []*Node{t, n}}
			table[e.subject] = dummy
			gone[n], gone[t] = true, true
			roots[i] = dummy
			gone[dummy] = false
		}
	}
	return slices.DeleteFunc(roots, func(n *Node) bool { return gone[n] })
}
