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
	in, err := s.client.Seat(0).Log(r.Context(), shownMost, false)
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
	p.streams(w, r, func(ctx context.Context, push pushing) error {
		in, err := s.client.Seat(0).Log(ctx, 0, true)
		if err != nil {
			return err
		}
		defer in.Close()
		for line := range linesOf(in) {
			if err := push("line", line); err != nil {
				return err
			}
		}
		return nil
	})
}
