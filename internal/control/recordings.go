package control

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"

	"maillab/internal/recording"
)

// Further requests, about what students' terminals showed (package recording):
//
//	POST seat-N/v1/recordings?student=S       keep one, as it comes
//	GET  seat-N/v1/recordings?student=S       which there are, a list
//	GET  seat-N/v1/recording?student=S&id=ID  one of them

// Recordings keeps what students' terminals showed.
type Recordings interface {
	Take(ctx context.Context, student string, in io.Reader) error
	List(student string) []recording.Kept
	Read(student, id string, w io.Writer) error
}

func serveRecordings(mux *http.ServeMux, v Recordings) {
	mux.HandleFunc("POST /v1/recordings", func(w http.ResponseWriter, r *http.Request) {
		answer(w, struct{}{}, v.Take(r.Context(), r.FormValue("student"), r.Body))
	})
	mux.HandleFunc("GET /v1/recordings", func(w http.ResponseWriter, r *http.Request) {
		WriteJSON(w, v.List(r.FormValue("student")))
	})
	mux.HandleFunc("GET /v1/recording", func(w http.ResponseWriter, r *http.Request) {
		out := &started{Writer: w}
		out.ended(w, v.Read(r.FormValue("student"), r.FormValue("id"), out))
	})
}

// Record keeps what is written to it as a recording of a student's, until it is closed. A recording that fails ends in silence:
// who is recorded goes on.
func (at Seat) Record(ctx context.Context, student string) io.WriteCloser {
	out, in := io.Pipe()
	go func() {
		response, err := at.do(ctx, http.MethodPost, "/v1/recordings?"+url.Values{"student": {student}}.Encode(), out)
		if err == nil {
			err = response.Body.Close()
		}
		_ = out.CloseWithError(errors.Join(io.ErrClosedPipe, err))
	}()
	return in
}

// Recordings asks which there are of a student's.
func (at Seat) Recordings(ctx context.Context, student string) ([]recording.Kept, error) {
	var all []recording.Kept
	return all, at.call(ctx, http.MethodGet, "/v1/recordings?"+url.Values{"student": {student}}.Encode(), nil, &all)
}

// Recording reads one of them.
func (at Seat) Recording(ctx context.Context, student, id string) (io.ReadCloser, error) {
	response, err := at.do(ctx, http.MethodGet, "/v1/recording?"+url.Values{"student": {student}, "id": {id}}.Encode(), nil)
	if err != nil {
		return nil, err
	}
	return response.Body, nil
}
