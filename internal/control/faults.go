package control

import (
	"context"
	"net/http"

	"maillab/internal/fault"
)

// Further requests, about what goes wrong on purpose (package fault):
//
//	GET  seat-N/v1/faults      those that are in force, a list
//	PUT  seat-N/v1/faults      a ChangeFaults; the answer is the list as it is then

// ChangeFaults takes the teacher's faults of some services (none: of all) out of force where Clear says so, then puts others in force.
type ChangeFaults struct {
	Clear    bool          `json:"clear,omitempty"`
	Services []string      `json:"services,omitempty"`
	Add      []fault.Fault `json:"add,omitempty"`
}

// Faults go wrong on purpose.
type Faults interface {
	Faults() []fault.InForce
	ChangeFaults(clear bool, services []string, add []fault.Fault) error
}

func serveFaults(mux *http.ServeMux, f Faults) {
	mux.HandleFunc("GET /v1/faults", func(w http.ResponseWriter, _ *http.Request) { WriteJSON(w, f.Faults()) })
	mux.HandleFunc("PUT /v1/faults", asked(requestLimit, func(_ context.Context, c ChangeFaults) ([]fault.InForce, error) {
		if err := fault.Check(c.Add); err != nil {
			return nil, &Error{Status: http.StatusBadRequest, Text: err.Error()}
		}
		err := f.ChangeFaults(c.Clear, c.Services, c.Add)
		return f.Faults(), err
	}))
}

// Faults asks which are in force in a sandbox.
func (at Seat) Faults(ctx context.Context) ([]fault.InForce, error) {
	var all []fault.InForce
	return all, at.call(ctx, http.MethodGet, "/v1/faults", nil, &all)
}

// ChangeFaults changes the teacher's, and returns those that are in force then.
func (at Seat) ChangeFaults(ctx context.Context, change ChangeFaults) ([]fault.InForce, error) {
	var all []fault.InForce
	return all, at.call(ctx, http.MethodPut, "/v1/faults", change, &all)
}
