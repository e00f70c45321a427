package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

//	GET  seat-N/v1/snapshot    all that accounts own, at one instant, as a tar stream
//	PUT  seat-N/v1/snapshot    the other way: the stream is checked whole before anything is touched; a ResetReport
//
// Both take student=S (several times; none is everybody), PUT scope=mail, home or all, too.

// Restore says what of an archive is put back, and whose.
type Restore struct {
	Students []string
	Scope    string
}

// Lessons is what lies between two of them: accounts are put back to the start, saved, and put back to what was saved.
type Lessons interface {
	Reset(ctx context.Context, r Reset) (ResetReport, error)
	// Save takes the picture, then writes it: an error after the first octet is a stream that ends without its trailer.
	Save(ctx context.Context, students []string, w io.Writer) error
	Restore(ctx context.Context, r Restore, from io.Reader) (ResetReport, error)
}

// Save streams what a sandbox's accounts own. A stream that is cut short ends with an error.
func (at Seat) Save(ctx context.Context, students []string) (io.ReadCloser, error) {
	response, err := at.do(ctx, http.MethodGet, "/v1/snapshot?"+url.Values{"student": students}.Encode(), nil)
	if err != nil {
		return nil, err
	}
	return response.Body, nil
}

// Restore puts back what Save gave.
func (at Seat) Restore(ctx context.Context, r Restore, from io.Reader) (ResetReport, error) {
	var report ResetReport
	query := url.Values{"student": r.Students, "scope": {r.Scope}}
	response, err := at.do(ctx, http.MethodPut, "/v1/snapshot?"+query.Encode(), from)
	if err != nil {
		return report, err
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&report); err != nil {
		return report, fmt.Errorf("answer of %s: %w", SeatHost(at.seat), err)
	}
	return report, nil
}

func snapshotRequests(mux *http.ServeMux, archiver Lessons) {
	mux.HandleFunc("GET /v1/snapshot", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-tar")
		out := &started{Writer: w}
		out.ended(w, archiver.Save(r.Context(), r.URL.Query()["student"], out))
	})
	mux.HandleFunc("PUT /v1/snapshot", func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		report, err := archiver.Restore(r.Context(), Restore{Students: query["student"], Scope: query.Get("scope")}, r.Body)
		if err != nil && errors.As(err, new(*http.MaxBytesError)) {
			err = &Error{Status: http.StatusRequestEntityTooLarge, Text: err.Error()}
		}
		answer(w, report, err)
	})
}
