package browsertest

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// What a page must be for everybody, as WCAG 2.2 has it at level AA: what of it a machine can tell. Names, roles, headings
// and landmarks are read from the browser's own accessibility tree, which is what a screen reader is given; colours, sizes and
// references from the document (access.js); the order of focus by pressing Tab.

//go:embed access.js
var accessScript string

// Accessible are the page's violations, as it stands; lang is what it is to be in.
func (w *Window) Accessible(lang string) (wrong []string) {
	w.T.Helper()
	nodes := w.tree()
	wrong = slices.Concat(named(nodes), headings(nodes), landmarks(nodes))
	if is := Eval[string](w, "document.documentElement.lang"); is != lang {
		wrong = append(wrong, fmt.Sprintf("the page says that it is in %q, and is in %q", is, lang))
	}
	return append(wrong, w.look("document")...)
}

// look has access.js look at something.
func (w *Window) look(what string) (wrong []string) {
	w.T.Helper()
	text := Eval[string](w, "("+accessScript+")(\""+what+"\")")
	if err := json.Unmarshal([]byte(text), &wrong); err != nil {
		w.T.Fatal(err)
	}
	return wrong
}

// Fits tells what is wider than the page at a width in CSS pixels. 640 is a window of 1,280 at 200 % zoom.
func (w *Window) Fits(width int64, scheme string) (wrong []string) {
	w.T.Helper()
	w.Looks(width, scheme)
	for _, one := range w.look("width") {
		wrong = append(wrong, fmt.Sprintf("at %d pixels: %s", width, one))
	}
	return wrong
}

// Still tells what moves for a reader who wants nothing to.
func (w *Window) Still() []string {
	w.T.Helper()
	w.Media(map[string]string{"prefers-reduced-motion": "reduce"})
	return w.look("motion")
}

// Tabbed goes through the page by Tab: what can have the focus gets it, in the order of the document, is seen, and shows that
// it has it; nothing keeps it. A terminal takes Tab itself, says how it is left, and is. The frame of a letter is passed by: it
// is another process, which takes the focus in its own time, and has nothing in it that could keep it.
func (w *Window) Tabbed() (wrong []string) {
	w.T.Helper()
	total := Eval[int](w, `(() => { document.body.tabIndex = -1; document.body.focus(); document.body.removeAttribute("tabindex"); getSelection().removeAllRanges(); window.scrollTo(0, 0); window.tabbed = []; for (const e of document.querySelectorAll("iframe")) e.tabIndex = -1; return document.querySelectorAll("*").length })()`)
	for range total {
		w.Do(chromedp.KeyEvent(kb.Tab))
		at := w.look("focus")
		if slices.Contains(at, "end") {
			break
		}
		wrong = append(wrong, at...)
		if Eval[bool](w, `document.activeElement.classList.contains("keys")`) {
			w.Do(chromedp.KeyEvent(kb.F6))
			if Eval[bool](w, `document.activeElement.classList.contains("keys")`) {
				wrong = append(wrong, "F6 does not leave the terminal")
			}
			break
		}
	}
	return append(wrong, w.look("left")...)
}

// node is one of the tree, with what is asked of it.
type node struct {
	role, name, tag string
	level           int
	focusable       bool
	parent          *node
}

func (n node) String() string { return fmt.Sprintf("%s %q %s", n.role, n.name, n.tag) }

// tree is the accessibility tree, without what is hidden from it, in the order of the document.
func (w *Window) tree() (all []*node) {
	w.T.Helper()
	got, err := chromedp.Call(w.Ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	if err != nil {
		w.T.Fatal(err)
	}
	byID := map[accessibility.NodeID]*accessibility.Node{}
	for _, n := range got.Nodes {
		byID[n.NodeID] = n
	}
	var walk func(id accessibility.NodeID, parent *node)
	walk = func(id accessibility.NodeID, parent *node) {
		n := byID[id]
		if n == nil {
			return
		}
		if !n.Ignored {
			shown := &node{role: textOf(n.Role), name: strings.TrimSpace(textOf(n.Name)), parent: parent}
			for _, p := range n.Properties {
				switch text := textOf(p.Value); p.Name {
				case "level":
					_, _ = fmt.Sscan(text, &shown.level)
				case "focusable":
					shown.focusable = text == "true"
				}
			}
			all, parent = append(all, shown), shown
		}
		for _, child := range n.ChildIDs {
			walk(child, parent)
		}
	}
	if len(got.Nodes) > 0 {
		walk(got.Nodes[0].NodeID, nil)
	}
	return all
}

func textOf(v *accessibility.Value) string {
	if v == nil {
		return ""
	}
	var text any
	if json.Unmarshal([]byte(v.Value), &text) != nil || text == nil {
		return ""
	}
	return fmt.Sprint(text)
}

// controls are the roles that somebody operates, and mustName those beside them that are nothing without a name.
func controls() []string {
	return []string{"button", "link", "textbox", "searchbox", "combobox", "checkbox", "radio", "tab", "slider", "spinbutton", "listbox", "switch",
		"menuitem", "DisclosureTriangle", "PopUpButton"}
}

func mustName() []string {
	return []string{"image", "img", "progressbar", "meter", "Iframe", "tablist", "tabpanel", "region", "navigation", "complementary", "log", "RootWebArea", "heading", "option"}
}

func named(nodes []*node) (wrong []string) {
	for _, n := range nodes {
		switch must := slices.Contains(controls(), n.role) || slices.Contains(mustName(), n.role); {
		case must && n.name == "":
			wrong = append(wrong, "no name: "+n.String()+path(n))
		case n.focusable && !must && (n.name == "" && n.role != "main" && n.role != "article" || n.role == "generic" || n.role == "none") && n.role != "paragraph": // a script's or a link's way to it
			wrong = append(wrong, "it takes the focus, and says nothing of itself: "+n.String()+path(n))
		}
	}
	return wrong
}

// path is where a node is.
func path(n *node) (at string) {
	for p := n.parent; p != nil && len(at) < 200; p = p.parent {
		at += " in " + p.role + " " + p.name
	}
	return at
}

// headings: one first of all, and none deeper by two than the one before it.
func headings(nodes []*node) (wrong []string) {
	last, first := 0, 0
	for _, n := range nodes {
		if n.role != "heading" {
			continue
		}
		if n.level == 1 {
			first++
		}
		if n.level > last+1 {
			wrong = append(wrong, fmt.Sprintf("a heading of level %d after one of %d: %s", n.level, last, n.name))
		}
		last = n.level
	}
	if first != 1 {
		wrong = append(wrong, fmt.Sprintf("%d headings of the first level", first))
	}
	return wrong
}

// landmarks: one main, several of a kind told apart by name, all text in one.
func landmarks(nodes []*node) (wrong []string) {
	places := []string{"banner", "main", "navigation", "complementary", "contentinfo", "region", "search", "form"}
	seen := map[string]int{}
	for _, n := range nodes {
		if slices.Contains(places, n.role) && (n.role != "form" || n.name != "") { // a form is one by its name
			key := n.role + " " + n.name
			if n.role == "main" {
				key = n.role
			}
			if seen[key]++; seen[key] == 2 {
				wrong = append(wrong, "two landmarks that nothing tells apart: "+key)
			}
		}
		if n.role == "StaticText" && n.name != "" && !within(n, places) {
			wrong = append(wrong, fmt.Sprintf("text outside of all landmarks: %q", n.name))
		}
	}
	if seen["main"] != 1 {
		wrong = append(wrong, "no main")
	}
	return wrong
}

// within tells whether a node is in a landmark, or is a message, or the link past all of them.
func within(n *node, places []string) bool {
	for p := n.parent; p != nil; p = p.parent {
		if slices.Contains(places, p.role) || p.role == "status" || p.role == "alert" || p.role == "link" {
			return true
		}
	}
	return false
}
