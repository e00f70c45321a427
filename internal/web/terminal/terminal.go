// Package terminal is terminals that live on the server: what a program writes goes to a screen, and whoever looks is shown the
// screen as text. So a reload, a lost line or a second window find the same screen again, and what is shown is text that can be read out,
// searched and copied.
//
// A Terminal runs one Program: a shell over SSH, or, where there is none, a console with telnet. It promises: a viewer that is
// slow slows nobody down, for it is shown the latest screen, not all that was on it; what a program asks of its terminal is
// answered; memory is bounded.
package terminal

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"
)

// Program is what runs in a terminal.
type Program interface {
	io.ReadWriteCloser
	Resize(cols, rows int) error
}

// Bounds of a screen, and of what scrolled off it.
const (
	minCols, maxCols = 20, 400
	minRows, maxRows = 5, 200
	maxHistory       = 1000 // lines
)

// Terminal is one. Make it with Start.
type Terminal struct {
	program  Program
	emulator *vt.Emulator
	replies  chan []byte // of the emulator to the program

	mu                sync.Mutex
	changed           chan struct{} // closed at the next change
	history           []Row
	scrolled          int // lines that ever scrolled off
	title             string
	cursorKeys, paste bool // modes: application cursor keys, bracketed paste
	cols, rows        int
	over              bool
	lookers           int // who looks on whose terminal it is not
	used              time.Time
	done              chan struct{} // closed when the program has ended
}

// Start shows a program on a screen of that size, until it ends or Close is called.
func Start(p Program, cols, rows int) *Terminal {
	cols, rows = bounded(cols, rows)
	t := &Terminal{program: p, emulator: vt.NewEmulator(cols, rows), replies: make(chan []byte, 64), changed: make(chan struct{}),
		cols: cols, rows: rows, used: time.Now(), done: make(chan struct{})}
	t.call()
	go t.answer()
	go t.show()
	return t
}

// call has the emulator tell of what is not on the screen.
func (t *Terminal) call() {
	t.emulator.SetCallbacks(vt.Callbacks{
		Title:       func(title string) { t.title = title },
		EnableMode:  func(m ansi.Mode) { t.mode(m, true) },
		DisableMode: func(m ansi.Mode) { t.mode(m, false) },
	})
}

func bounded(cols, rows int) (int, int) {
	return min(max(cols, minCols), maxCols), min(max(rows, minRows), maxRows)
}

// mode notes what decides how keys are sent. The lock is held: the emulator calls it while it is written to.
func (t *Terminal) mode(m ansi.Mode, on bool) {
	switch m {
	case ansi.ModeCursorKeys:
		t.cursorKeys = on
	case ansi.ModeBracketedPaste:
		t.paste = on
	}
}

// show shows what the program writes.
func (t *Terminal) show() {
	buffer := make([]byte, 16<<10)
	for {
		n, err := t.program.Read(buffer)
		t.mu.Lock()
		_, _ = t.emulator.Write(buffer[:n]) // it fails when it is closed
		t.keepHistory()
		t.over = t.over || err != nil
		t.tell()
		t.mu.Unlock()
		if err != nil {
			_ = t.program.Close()
			t.unanswered()
			close(t.done)
			return
		}
	}
}

// unanswered ends answer. The emulator's own Close changes what its Read looks at at the same time.
func (t *Terminal) unanswered() {
	if answers, ok := t.emulator.InputPipe().(io.Closer); ok {
		_ = answers.Close()
	}
}

// tell wakes who looks. The lock is held.
func (t *Terminal) tell() {
	close(t.changed)
	t.changed = make(chan struct{})
}

// keepHistory takes over what scrolled off. The lock is held.
func (t *Terminal) keepHistory() {
	lines := t.emulator.Scrollback().Lines()
	if len(lines) == 0 {
		return
	}
	for _, line := range lines {
		t.history = append(t.history, rowOf(len(line), func(x int) cell { return cellOf(&line[x]) }))
	}
	t.scrolled += len(lines)
	t.history = append([]Row(nil), t.history[max(0, len(t.history)-maxHistory):]...)
	t.emulator.ClearScrollback()
}

// answer passes on what the emulator answers a program that asks (where the cursor is, what terminal this is). One that asks
// and does not read the answers loses them; it does not stop the screen.
func (t *Terminal) answer() {
	go func() {
		for text := range t.replies {
			if _, err := t.program.Write(text); err != nil {
				return
			}
		}
	}()
	defer close(t.replies)
	buffer := make([]byte, 1024)
	for {
		n, err := t.emulator.Read(buffer)
		if n > 0 {
			select {
			case t.replies <- append([]byte(nil), buffer[:n]...):
			default:
			}
		}
		if err != nil {
			return
		}
	}
}

// Type sends what was typed.
func (t *Terminal) Type(keys string) error {
	t.touch()
	_, err := io.WriteString(t.program, keys)
	return err
}

// Paste sends what was pasted, told apart from what is typed where the program asked for that.
func (t *Terminal) Paste(text string) error {
	t.mu.Lock()
	bracketed := t.paste
	t.mu.Unlock()
	if bracketed {
		text = ansi.BracketedPasteStart + text + ansi.BracketedPasteEnd
	}
	return t.Type(text)
}

// Resize gives the screen another size.
func (t *Terminal) Resize(cols, rows int) error {
	cols, rows = bounded(cols, rows)
	t.mu.Lock()
	same := t.cols == cols && t.rows == rows
	if !same && !t.over {
		t.cols, t.rows = cols, rows
		t.emulator.Resize(cols, rows)
		t.tell()
	}
	t.mu.Unlock()
	if same {
		return nil
	}
	return t.program.Resize(cols, rows)
}

func (t *Terminal) touch() {
	t.mu.Lock()
	t.used = time.Now()
	t.mu.Unlock()
}

// Used is when somebody typed last.
func (t *Terminal) Used() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.used
}

// Over tells whether the program has ended.
func (t *Terminal) Over() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.over
}

// Done is closed when the program has ended.
func (t *Terminal) Done() <-chan struct{} { return t.done }

// Title is what the program calls the terminal.
func (t *Terminal) Title() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return clean(t.title)
}

// Close ends the program.
func (t *Terminal) Close() { _ = t.program.Close() }

// gather is how long after it was shown a screen that changes is let change: a key's echo is shown at once, and what a program
// writes in one go comes in pieces.
const gather = 8 * time.Millisecond

// Look is Watch for somebody whose terminal it is not: for as long as it lasts, everybody who watches is shown that somebody
// looks.
func (t *Terminal) Look(ctx context.Context, show func(Frame) error) error {
	t.look(1)
	defer t.look(-1)
	return t.Watch(ctx, show)
}

func (t *Terminal) look(more int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lookers += more
	t.tell()
}

// Watch shows the screen, and what changes of it, until ctx ends, show fails, or the program has ended and that was shown.
func (t *Terminal) Watch(ctx context.Context, show func(Frame) error) error {
	var seen viewer
	var shown time.Time
	for {
		t.mu.Lock()
		frame, changed := seen.frame(t), t.changed
		t.mu.Unlock()
		if frame.any() {
			if err := show(frame); err != nil || frame.Over {
				return err
			}
			shown = time.Now()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(gather - time.Since(shown)): // none, when that is past
		}
	}
}
