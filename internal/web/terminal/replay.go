package terminal

import (
	"fmt"
	"io"
	"time"

	"github.com/charmbracelet/x/vt"

	"maillab/internal/recording"
)

// Scene is what a recording showed at one time, as what changed since the scene before, or a remark in it.
type Scene struct {
	At    int64  `json:"at"` // milliseconds since the beginning
	Frame *Frame `json:"frame,omitempty"`
	Mark  string `json:"mark,omitempty"`
}

// sceneLeast is how long a scene is at least: what a program writes in one go comes in pieces, and nobody sees more.
const sceneLeast = 100 * time.Millisecond

// Replay shows a recording on a screen, and hands each scene to emit: the first is the empty screen at 0, from which all that
// follows can be shown again. It waits for nothing.
func Replay(in io.Reader, emit func(Scene) error) error {
	var r *replay
	err := recording.Read(in, func(h recording.Header) error {
		r = newReplay(h, emit)
		return r.show()
	}, func(e recording.Event) error { return r.event(e) })
	if r == nil {
		return err
	}
	defer r.screen.unanswered()
	if err != nil {
		return err
	}
	return r.show()
}

// replay is a recording as far as it was shown.
type replay struct {
	screen  *Terminal
	seen    viewer
	emit    func(Scene) error
	now     time.Duration // of the last event
	shown   time.Duration // of the last scene
	pending bool          // something happened since
}

func newReplay(h recording.Header, emit func(Scene) error) *replay {
	cols, rows := bounded(h.Term.Cols, h.Term.Rows)
	t := &Terminal{emulator: vt.NewEmulator(cols, rows), changed: make(chan struct{}), cols: cols, rows: rows}
	t.call()
	go func() { _, _ = io.Copy(io.Discard, t.emulator) }() // what it answers is nobody's; it ends with unanswered
	return &replay{screen: t, emit: emit}
}

func (r *replay) event(e recording.Event) error {
	next := r.now + e.After
	if r.pending && next-r.shown >= sceneLeast {
		if err := r.show(); err != nil {
			return err
		}
	}
	r.now = next
	cols, rows, resized := e.Size()
	switch {
	case resized:
		cols, rows = bounded(cols, rows)
		r.screen.cols, r.screen.rows = cols, rows
		r.screen.emulator.Resize(cols, rows)
	case e.Code == recording.Output:
		if _, err := r.screen.emulator.Write([]byte(e.Data)); err != nil {
			return fmt.Errorf("showing a recording: %w", err)
		}
		r.screen.keepHistory()
	case e.Code == recording.Marker:
		return r.emit(Scene{At: r.now.Milliseconds(), Mark: clean(e.Data)})
	default:
		return nil
	}
	r.pending = true
	return nil
}

// show emits what is different.
func (r *replay) show() error {
	r.pending = false
	r.shown = r.now
	if f := r.seen.frame(r.screen); f.any() {
		return r.emit(Scene{At: r.now.Milliseconds(), Frame: &f})
	}
	return nil
}
