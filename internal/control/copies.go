package control

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Copies of what one student owns, which stay in the sandbox: what a page can take and put back.
//
//	POST seat-N/v1/copies       take one of a student's: a CopyOf; answered with the Copy
//	GET  seat-N/v1/copies?student=S
//	POST seat-N/v1/copies/put   put one back: a CopyOf with its ID; answered with a ResetReport

// Copy is one.
type Copy struct {
	ID      string    `json:"id"` // sorts by time
	Student string    `json:"student"`
	Time    time.Time `json:"time"`
	Octets  int64     `json:"octets"` // as it is kept, compressed
}

// CopyOf names a student, and a copy.
type CopyOf struct {
	Student string `json:"student"`
	ID      string `json:"id,omitempty"`
}

// Copies keeps them.
type Copies interface {
	Copy(ctx context.Context, of CopyOf) (Copy, error)
	Copies(student string) ([]Copy, error)
	// PutBack keeps a copy of what is there first.
	PutBack(ctx context.Context, of CopyOf) (ResetReport, error)
}

func copyRequests(mux *http.ServeMux, c Copies) {
	mux.HandleFunc("POST /v1/copies", asked(requestLimit, c.Copy))
	mux.HandleFunc("POST /v1/copies/put", asked(requestLimit, c.PutBack))
	mux.HandleFunc("GET /v1/copies", func(w http.ResponseWriter, r *http.Request) {
		all, err := c.Copies(r.FormValue("student"))
		answer(w, all, err)
	})
}

// Copy has a sandbox keep a copy of what a student owns.
func (at Seat) Copy(ctx context.Context, student string) (Copy, error) {
	var one Copy
	return one, at.call(ctx, http.MethodPost, "/v1/copies", CopyOf{Student: student}, &one)
}

// Copies asks which there are of a student's, the oldest first.
func (at Seat) Copies(ctx context.Context, student string) ([]Copy, error) {
	var all []Copy
	return all, at.call(ctx, http.MethodGet, "/v1/copies?"+url.Values{"student": {student}}.Encode(), nil, &all)
}

// PutBack puts a copy back.
func (at Seat) PutBack(ctx context.Context, of CopyOf) (ResetReport, error) {
	var report ResetReport
	return report, at.call(ctx, http.MethodPost, "/v1/copies/put", of, &report)
}
