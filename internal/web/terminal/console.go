package terminal

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/term"
)

// Console is a program for where there is no shell: it knows telnet to the ports of one's own mail server, and not much more.
// Lines are edited before they are sent, as telnet's line mode does it, with the lines before them by the arrow keys.
type Console struct {
	Host  string // of the server, as it calls itself
	Dial  func(ctx context.Context, service string) (net.Conn, error)
	Words func(key string, args ...any) string // "hello", "help", "unknown" in the user's language
}

// console is one that runs.
type console struct {
	Console
	ctx  context.Context
	stop func()
	keys *io.PipeWriter // to the console
	out  *io.PipeReader // from it
	line *term.Terminal

	interrupted atomic.Bool // by Ctrl-C or Ctrl-D, which end the line that is being typed
	escaped     atomic.Bool // by Ctrl-], which does, too
}

// Run starts a console.
func (c Console) Run(cols, rows int) Program {
	fromUser, keys := io.Pipe()
	out, toUser := io.Pipe()
	r := &console{Console: c, keys: keys, out: out}
	r.ctx, r.stop = context.WithCancel(context.Background())
	r.line = term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{fromUser, toUser}, prompt)
	_ = r.line.SetSize(cols, rows) // it writes nothing yet
	go func() {
		r.serve()
		toUser.Close()
		fromUser.Close()
	}()
	return r
}

const prompt = "$ "

// Keys.
const (
	ctrlC     = 3
	ctrlD     = 4
	clearLine = 21 // Ctrl-U
	escape    = 29 // Ctrl-], telnet's way to its own commands
)

// serve reads commands until the keys end.
func (r *console) serve() {
	fmt.Fprintf(r.line, "%s\n", r.Words("hello", r.Host))
	for {
		line, err := r.line.ReadLine()
		if err != nil {
			return
		}
		if gone := r.interrupted.Swap(false); !r.escaped.Swap(false) && !gone { // there is nowhere to leave to
			r.do(strings.Fields(line))
		}
	}
}

func (r *console) do(words []string) {
	switch {
	case len(words) == 0:
	case words[0] == "telnet" && len(words) <= 3:
		r.telnet(words[1:])
	case words[0] == "help" || words[0] == "?":
		fmt.Fprintln(r.line, r.Words("help"))
	case words[0] == "exit" || words[0] == "logout":
		fmt.Fprintln(r.line, r.Words("stay"))
	default:
		fmt.Fprintln(r.line, r.Words("unknown", words[0]))
	}
}

// services by what may be typed for their ports.
func serviceOf(port string) (service, number string) {
	switch port {
	case "25", "smtp":
		return "smtp", "25"
	case "110", "pop3", "pop-3":
		return "pop3", "110"
	case "143", "imap", "imap2":
		return "imap", "143"
	}
	return "", port
}

// telnet connects as the command does, says what it says, and sends what is typed, line by line, until one of both ends.
func (r *console) telnet(args []string) {
	host, port := "localhost", "23"
	if len(args) > 0 {
		host = args[0]
	}
	if len(args) > 1 {
		port = args[1]
	}
	here := host == "localhost" || host == "127.0.0.1" || host == "::1" || strings.EqualFold(host, r.Host) || strings.EqualFold(host, strings.SplitN(r.Host, ".", 2)[0])
	if !here {
		fmt.Fprintf(r.line, "telnet: could not resolve %s/%s: Name or service not known\n", host, port)
		return
	}
	service, number := serviceOf(port)
	fmt.Fprintf(r.line, "Trying 127.0.0.1...\n")
	if service == "" {
		fmt.Fprintf(r.line, "telnet: Unable to connect to remote host: Connection refused\n")
		return
	}
	conn, err := r.Dial(r.ctx, service)
	if err != nil {
		fmt.Fprintf(r.line, "telnet: Unable to connect to remote host (port %s): %v\n", number, err)
		return
	}
	fmt.Fprintf(r.line, "Connected to %s.\nEscape character is '^]'.\n", host)
	r.converse(conn, host)
}

// converse relays lines. The peer's end is seen when the next line is ended: until then what is typed is the line editor's.
func (r *console) converse(conn net.Conn, host string) {
	r.line.SetPrompt("")
	defer r.line.SetPrompt(prompt)
	var once sync.Once
	hungUp := make(chan struct{})
	closed := func(text string) (first bool) {
		once.Do(func() {
			first = true
			conn.Close()
			r.line.SetPrompt(prompt)
			fmt.Fprintln(r.line, text)
			close(hungUp)
		})
		return first
	}
	go func() {
		_, _ = io.Copy(lines{r.line}, conn) // its end is the conversation's
		if closed("Connection closed by foreign host.") {
			_, _ = r.keys.Write([]byte("\r")) // lets go of the line editor
		}
	}()
	for {
		line, err := r.line.ReadLine()
		select {
		case <-hungUp:
			return
		default:
		}
		if r.escaped.Swap(false) {
			if r.leaves(host) {
				closed("Connection closed.")
				return
			}
			continue
		}
		if r.interrupted.Swap(false) || err != nil {
			closed("Connection closed.")
			return
		}
		if _, err := io.WriteString(conn, line+"\r\n"); err != nil {
			continue // what the peer said last is still to be shown
		}
	}
}

// leaves takes one of telnet's own commands, as telnet does after its escape character, and tells whether it ends the
// connection. An empty line goes back to it.
func (r *console) leaves(host string) bool {
	r.line.SetPrompt("telnet> ")
	defer r.line.SetPrompt("")
	line, err := r.line.ReadLine()
	if err != nil || r.interrupted.Swap(false) {
		return true
	}
	r.escaped.Store(false)
	word, _, _ := strings.Cut(strings.TrimSpace(strings.ToLower(line)), " ")
	switch {
	case word == "":
	case strings.HasPrefix("quit", word), strings.HasPrefix("close", word), word == "logout":
		return true
	case strings.HasPrefix("status", word):
		fmt.Fprintf(r.line, "Connected to %s.\nOperating in line mode.\nEscape character is '^]'.\n", host)
	case word == "?" || strings.HasPrefix("help", word):
		fmt.Fprintln(r.line, r.Words("telnet"))
	default:
		fmt.Fprintln(r.line, "?Invalid command")
	}
	return false
}

// lines writes what a server says: CR is left out, as the line editor adds its own.
type lines struct{ to io.Writer }

func (l lines) Write(p []byte) (int, error) {
	_, err := io.WriteString(l.to, strings.ReplaceAll(string(p), "\r\n", "\n"))
	return len(p), err
}

func (r *console) Read(p []byte) (int, error) { return r.out.Read(p) }

// Write takes what is typed. The line editor would say Ctrl-C and Ctrl-D again and again: it gets the end of an empty line, and so
// it does of Ctrl-], which it does not know.
func (r *console) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		keys := rest
		if at := bytes.IndexAny(rest, string([]byte{ctrlC, ctrlD, escape})); at >= 0 {
			if rest[at] == escape {
				r.escaped.Store(true)
			} else {
				r.interrupted.Store(true)
			}
			keys, rest = append(bytes.Clone(rest[:at]), clearLine, '\r'), rest[at+1:]
		} else {
			rest = nil
		}
		if _, err := r.keys.Write(keys); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// Resize tells the line editor.
func (r *console) Resize(cols, rows int) error { return r.line.SetSize(cols, rows) }

// Close ends it.
func (r *console) Close() error {
	r.stop()
	r.keys.Close()
	r.out.Close()
	return nil
}
