// Package drawing draws what happened, for people who do not yet know what to look at: a dialogue as a ladder of lines in
// the colours of its phases, a message as an envelope beside its letter, and its source with the tree of its parts.
//
// It promises: pure functions over what was recorded; a picture is one SVG element without style, script or reference to
// anything outside (what stands in it has classes, which a page's style sheet colours), in which everything that a student
// wrote is text; every picture can be had in words as well (Told); whatever octets a message is made of, there is a drawing
// of it, whose size is bounded.
package drawing
