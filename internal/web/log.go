package web

import (
	"bufio"
	"context"
	"io"
	"iter"
	"net/http"

	"maillab/internal/control"
)

// longestLine bounds what is shown of a line of mail.log, in octets.
const longestLine = 4 << 10

// linesOf reads lines; a longer one than is shown comes in pieces.
func linesOf(in io.Reader) iter.Seq[string] {
	return func(yield func(string) bool) {
		r := bufio.NewReaderSize(in, longestLine)
		for {
			line, _, err := r.ReadLine()
			if err != nil || !yield(string(line)) {
				return
			}
		}
	}
}

// logPage is mail.log as it grows.
type logPage struct {
	frame
	Me    control.Me
	Lines []string
}

// maillog shows the end of mail.log; a script has the rest come as it is written (logEvents).
func (p *Page) maillog(w http.ResponseWriter, r *http.Request, s *session) {
	page := logPage{frame: p.frame(r, s.language(), s), Me: s.me}
	page.Title, page.Here = "mail.log", "log"
	in, err := s.client.Log(r.Context(), 0, shownMost, false)
	if p.lost(w, r, s, err) {
		return
	}
	if err == nil {
		defer in.Close()
		for line := range linesOf(in) {
			page.Lines = append(page.Lines, line)
		}
	}
	render(w, http.StatusOK, "log", page)
}

// logEvents pushes each line of mail.log as it is written, until the browser goes.
func (p *Page) logEvents(w http.ResponseWriter, r *http.Request, s *session) {
	out := newEvents(w)
	if !out.send("boot", p.boot) {
		return
	}
	in, err := s.client.Log(r.Context(), 0, 0, true)
	if err != nil {
		return // the browser comes again
	}
	defer in.Close()
	lines := make(chan string)
	go read(r.Context(), in, lines)
	pump(r.Context(), out, lines, func(line string) bool { return out.send("line", line) })
}

// read hands lines on until ctx ends; then in is closed, which ends its reading, too.
func read(ctx context.Context, in io.Reader, lines chan<- string) {
	defer close(lines)
	for line := range linesOf(in) {
		select {
		case lines <- line:
		case <-ctx.Done():
			return
		}
	}
}
