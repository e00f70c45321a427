package imap

import (
	"cmp"
	"context"
	"slices"
)

// thread is THREAD and UID THREAD (RFC 5256).
func (c viewer) thread(ctx context.Context, cmd *command) reply {
	algorithm, key, err := cmd.p.Thread()
	if err != nil {
		return c.searchFailed(ctx, cmd, err)
	}
	build := byReferences
	if algorithm == "ORDEREDSUBJECT" {
		build = orderedSubject
	}
	entries, err := c.entries(ctx, key)
	if err != nil {
		return c.failed(ctx, cmd, c.box.name, err)
	}
	c.out.str("* THREAD")
	for i, n := range build(entries) {
		if i == 0 {
			c.out.byte(' ')
		}
		c.out.byte('(')
		c.writeThread(n, cmd.uid)
		c.out.byte(')')
	}
	c.out.crlf()
	return c.w.completed(cmd.name)
}

// writeThread writes a message and what hangs on it: an only child stands beside it, several in parentheses.
func (c viewer) writeThread(n *node, uid bool) {
	for first := true; ; first = false {
		if n.entry != nil {
			if !first {
				c.out.byte(' ')
			}
			c.out.num(uint64(c.numbers([]int{n.entry.index}, uid)[0]))
		}
		if len(n.children) != 1 {
			break
		}
		n = n.children[0]
	}
	if len(n.children) > 0 && n.entry != nil {
		c.out.byte(' ')
	}
	for _, child := range n.children {
		c.out.byte('(')
		c.writeThread(child, uid)
		c.out.byte(')')
	}
}

// node is a message in a thread; without an entry it stands for one that is not in the mailbox.
type node struct {
	entry    *entry
	parent   *node
	children []*node
}

// first is the entry that a node is sorted by: its own, or its first child's.
func (n *node) first() *entry {
	for n.entry == nil && len(n.children) > 0 {
		n = n.children[0]
	}
	return n.entry
}

func compareSent(a, b *entry) int {
	return cmp.Or(a.sent.Compare(b.sent), cmp.Compare(a.index, b.index))
}

func sortNodes(ns []*node) {
	slices.SortFunc(ns, func(a, b *node) int { return compareSent(a.first(), b.first()) })
}

// orderedSubject: messages of one subject are a thread, the first the parent of all others.
func orderedSubject(entries []*entry) []*node {
	slices.SortFunc(entries, compareSent)
	bySubject := map[string]*node{}
	var roots []*node
	for _, e := range entries {
		root, ok := bySubject[e.subject]
		if !ok {
			root = &node{entry: e}
			bySubject[e.subject] = root
			roots = append(roots, root)
			continue
		}
		root.children = append(root.children, &node{entry: e})
	}
	return roots
}

// byReferences is the algorithm of RFC 5256, section 3, by its numbered steps.
func byReferences(entries []*entry) []*node {
	t := &threader{byID: map[string]*node{}}
	for _, e := range entries {
		t.link(e) // 1
	}
	var roots []*node // 2
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
	byID  map[string]*node
	nodes []*node
}

func (t *threader) node(id string) *node {
	n, ok := t.byID[id]
	if !ok {
		n = &node{}
		t.byID[id] = n
		t.nodes = append(t.nodes, n)
	}
	return n
}

// link is step 1 for one message.
func (t *threader) link(e *entry) {
	var parent *node
	for _, id := range e.refs { // (A)
		n := t.node(id)
		if parent != nil && n.parent == nil && !n.above(parent) {
			n.setParent(parent)
		}
		parent = n
	}
	n := &node{}
	if e.id != "" && (t.byID[e.id] == nil || t.byID[e.id].entry == nil) {
		n = t.node(e.id)
	} else { // no Message-ID, or one that another message has already
		t.nodes = append(t.nodes, n)
	}
	n.entry = e
	if parent == n {
		return
	}
	n.setParent(nil) // (B): what the message itself says counts more than what others said of it
	if parent != nil && !n.above(parent) {
		n.setParent(parent)
	}
}

// above says whether n is o or one of its ancestors: linking o above n would make a loop.
func (n *node) above(o *node) bool {
	for ; o != nil; o = o.parent {
		if o == n {
			return true
		}
	}
	return false
}

func (n *node) setParent(p *node) {
	if old := n.parent; old != nil {
		old.children = slices.DeleteFunc(old.children, func(c *node) bool { return c == n })
	}
	if n.parent = p; p != nil {
		p.children = append(p.children, n)
	}
}

// prune is step 3: dummies without children go, those with some give them to their parent, but at the root only one.
func prune(ns []*node, root bool) []*node {
	var kept []*node
	for _, n := range ns {
		n.children = prune(n.children, false)
		switch {
		case n.entry != nil:
			kept = append(kept, n)
		case len(n.children) == 0:
		case !root || len(n.children) == 1:
			kept = append(kept, n.children...)
		default:
			kept = append(kept, n)
		}
	}
	return kept
}

// sortTree sorts siblings by their sent date, from the leaves up.
func sortTree(n *node) {
	for _, c := range n.children {
		sortTree(c)
	}
	sortNodes(n.children)
}

// gatherSubjects is step 5: threads of one subject become one.
func gatherSubjects(roots []*node) []*node {
	table := map[string]*node{}
	for _, n := range roots { // (B)
		e := n.first()
		if e.subject == "" {
			continue
		}
		old, ok := table[e.subject]
		if !ok || old.entry != nil && n.entry == nil || old.first().reply && old.entry != nil && !e.reply {
			table[e.subject] = n
		}
	}
	gone := map[*node]bool{}
	for i, n := range roots { // (C)
		e := n.first()
		t := table[e.subject]
		if t == nil || t == n || gone[n] {
			continue
		}
		switch {
		case t.entry == nil && n.entry == nil:
			t.children = append(t.children, n.children...)
			gone[n] = true
		case t.entry == nil:
			t.children = append(t.children, n)
			gone[n] = true
		case e.reply && !t.first().reply:
			t.children = append(t.children, n)
			gone[n] = true
		default:
			dummy := &node{children: []*node{t, n}}
			table[e.subject] = dummy
			gone[n], gone[t] = true, true
			roots[i] = dummy
			gone[dummy] = false
		}
	}
	return slices.DeleteFunc(roots, func(n *node) bool { return gone[n] })
}
