package control

import (
	"context"
	"net/http"
	"time"

	"maillab/internal/progress"
)

//	PUT seat-N/v1/due     by how much tasks are due later for students: an Extension
//	PUT seat-N/v1/work    students' work as it was kept elsewhere: a map by student; answered with those whose it became

// Work takes over what was kept of students' work.
type Work interface {
	// Adopt goes on from what was kept, for students of whom nothing is known yet, and returns them.
	Adopt(ctx context.Context, work map[string]progress.History) (adopted []string, err error)
	// Extend makes tasks of students due later than the lab says.
	Extend(ctx context.Context, e Extension) error
}

// Extension says by how much tasks are due later than the lab says, for some students.
type Extension struct {
	Students []string      `json:"students,omitempty"` // none: everybody
	Tasks    []string      `json:"tasks,omitempty"`    // none: what counts for all of them
	By       time.Duration `json:"by"`                 // nanoseconds; 0: as the lab says
}

func serveWork(mux *http.ServeMux, v Work) {
	mux.HandleFunc("PUT /v1/work", asked(progress.MaxFile, v.Adopt))
	mux.HandleFunc("PUT /v1/due", posted(requestLimit, v.Extend))
}

// Adopt hands a sandbox what was kept of its students' work, and returns those who had none.
func (at Seat) Adopt(ctx context.Context, work map[string]progress.History) (adopted []string, err error) {
	return adopted, at.call(ctx, http.MethodPut, "/v1/work", work, &adopted)
}

// Extend makes tasks of a sandbox's students due later.
func (at Seat) Extend(ctx context.Context, e Extension) error {
	return at.call(ctx, http.MethodPut, "/v1/due", e, nil)
}
