package web

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"time"

	"maillab/internal/dialogue"
	"maillab/internal/recording"
	"maillab/internal/web/terminal"
)

// replayPage is a recording of a student's terminal, with what was said at the server's ports meanwhile.
type replayPage struct {
	frame
	personal
	Of    recording.Kept
	Lines []replayLine
	More  int // lines that are left out
}

// replayLine is a line of a dialogue, as it was said within a recording.
type replayLine struct {
	At      int64 // milliseconds since the recording began
	Time    time.Time
	Service string
	Side    string // C or S
	Text    string
	Octets  int // of a message, in place of Text
	Refused bool
}

// mostLines bounds the lines beside a recording, and mostScenes what is sent of one, in octets.
const (
	mostLines  = 2000
	mostScenes = 24 << 20
)

// recordingOf finds the recording that is asked for.
func (s *session) recordingOf(r *http.Request) (recording.Kept, error) {
	q := of(r)
	all, err := s.teacher.Seat(q.Seat).Recordings(r.Context(), q.Student)
	if err != nil {
		return recording.Kept{}, err
	}
	i := slices.IndexFunc(all, func(k recording.Kept) bool { return k.ID == r.FormValue("id") })
	if i < 0 {
		return recording.Kept{}, errors.New(say(s.language(), "gone"))
	}
	return all[i], nil
}

// replay shows a recording beside the dialogues.
func (p teachers) replay(w http.ResponseWriter, r *http.Request, s *session) {
	page := replayPage{frame: p.frame(r, s.language(), s), personal: of(r)}
	page.Title, page.Here, page.Zone = page.Student, "person", s.where(r.Context())
	var err error
	var all []dialogue.Dialogue
	if page.Of, err = s.recordingOf(r); err == nil {
		all, err = s.teacher.Seat(page.Seat).Dialogues(r.Context(), page.Student)
	}
	if err != nil {
		p.failed(w, r, s, err)
		return
	}
	page.Lines = during(all, page.Of.Start, page.Of.Last)
	page.More = max(0, len(page.Lines)-mostLines)
	page.Lines = page.Lines[:len(page.Lines)-page.More]
	render(w, http.StatusOK, "replay", page)
}

// slack is by how much what was said may be after the last that a terminal showed: recordings are written in pieces.
const slack = 3 * time.Second

// during are the lines that were said in a time, in order.
func during(all []dialogue.Dialogue, from, to time.Time) (lines []replayLine) {
	for _, d := range all {
		for _, l := range d.Lines {
			if l.At.Before(from) || l.At.After(to.Add(slack)) {
				continue
			}
			one := replayLine{At: l.At.Sub(from).Milliseconds(), Time: l.At, Service: d.Service, Side: "C", Text: l.Text, Octets: l.Bytes}
			if l.From == dialogue.Server {
				one.Side, one.Refused = "S", dialogue.Refuses(d.Service, l.Text)
			}
			lines = append(lines, one)
		}
	}
	slices.SortStableFunc(lines, func(a, b replayLine) int { return a.Time.Compare(b.Time) })
	return lines
}

// replayScenes is a recording as the page shows it: a scene a line, as JSON.
func (p teachers) replayScenes(w http.ResponseWriter, r *http.Request, s *session) {
	p.recorded(w, r, s, "application/x-ndjson", func(in io.Reader) {
		room, out := mostScenes, json.NewEncoder(w)
		err := terminal.Replay(in, func(scene terminal.Scene) error {
			text, err := json.Marshal(scene)
			if err != nil {
				return err
			}
			if room -= len(text); room < 0 {
				return errors.Join(out.Encode(terminal.Scene{At: scene.At, Mark: "…"}), io.ErrShortWrite)
			}
			return out.Encode(json.RawMessage(text))
		})
		if err != nil && r.Context().Err() == nil {
			p.cfg.Log.Info("a recording is not shown whole", "err", err)
		}
	})
}

// replayFile is a recording as asciicast v3.
func (p teachers) replayFile(w http.ResponseWriter, r *http.Request, s *session) {
	w.Header().Set("Content-Disposition", `attachment; filename="terminal.cast"`)
	p.recorded(w, r, s, "application/octet-stream", func(in io.Reader) { _, _ = io.Copy(w, in) }) // who went away has no file
}

// recorded answers with what is made of a recording.
func (p teachers) recorded(w http.ResponseWriter, r *http.Request, s *session, kind string, write func(io.Reader)) {
	k, err := s.recordingOf(r)
	if err == nil {
		var in io.ReadCloser
		if in, err = s.teacher.Seat(of(r).Seat).Recording(r.Context(), k.Student, k.ID); err == nil {
			defer in.Close()
			w.Header().Set("Content-Type", kind)
			write(in)
			return
		}
	}
	w.Header().Del("Content-Disposition")
	if !p.unknown(w, r, s, err) {
		http.Error(w, told(s.language(), err.Error()), http.StatusNotFound)
	}
}

// where is the time zone of the class, UTC as long as no sandbox has told.
func (s *session) where(ctx context.Context) *time.Location {
	s.mu.Lock()
	zone := s.zone
	s.mu.Unlock()
	if zone != nil {
		return zone
	}
	seats, _ := s.teacher.Class(ctx) // none: the next who asks may hear of some
	for _, seat := range seats {
		status, err := s.teacher.Seat(seat.Seat).Status(ctx)
		if err != nil || status.Timezone == "" {
			continue
		}
		if zone, err := time.LoadLocation(status.Timezone); err == nil {
			s.mu.Lock()
			s.zone = zone
			s.mu.Unlock()
			return zone
		}
	}
	return time.UTC
}
