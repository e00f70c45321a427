package control

import (
	"context"
	"net/http"

	"maillab/internal/progress"
)

//	PUT seat-N/v1/work    students' work as it was kept elsewhere: a map by student; answered with those whose it became

// Work takes over what was kept of students' work.
type Work interface {
	// Adopt goes on from what was kept, for students of whom nothing is known yet, and returns them.
	Adopt(ctx context.Context, work map[string]progress.History) (adopted []string, err error)
}

func serveWork(mux *http.ServeMux, v Work) {
	mux.HandleFunc("PUT /v1/work", asked(progress.MaxFile, v.Adopt))
}

// Adopt hands a sandbox what was kept of its students' work, and returns those who had none.
func (c *Client) Adopt(ctx context.Context, seat int, work map[string]progress.History) (adopted []string, err error) {
	return adopted, c.call(ctx, http.MethodPut, SeatHost(seat), "/v1/work", work, &adopted)
}
