package control

import (
	"context"
	"maps"
	"net/http"
	"time"

	"maillab/internal/check"
	"maillab/internal/progress"
)

// Further requests, of the sandboxes that have tasks (see Checker):
//
//	POST seat-N/v1/check             evaluate tasks
//	PUT  seat-N/v1/mark              the teacher's word on a task; the answer is the word that stood before, or null
//	     seat-N/v1/lab…?student=S    what the student's lab command asks (package worksheet)

// CheckRequest says whose tasks are to be checked.
type CheckRequest struct {
	Students []string  `json:"students,omitempty"` // none: all
	Tasks    []string  `json:"tasks,omitempty"`    // IDs; none: all
	Since    time.Time `json:"since,omitzero"`     // evidence from before does not count; nothing is remembered
	NoRuns   bool      `json:"noRuns,omitempty"`   // no script is run: a look in passing
	History  bool      `json:"history,omitempty"`  // all that is known of students' work is wanted, too
}

// CheckedStudent is where a student stands.
type CheckedStudent struct {
	Student string           `json:"student"`
	Results []check.Result   `json:"results"`
	Tries   map[string]int   `json:"tries,omitempty"` // of tasks, until they passed: checks by name, and answers
	History progress.History `json:"history,omitempty"`
}

// Mark is the teacher's word on one task of a student.
type Mark struct {
	Student string         `json:"student"`
	Task    string         `json:"task"`
	By      string         `json:"by,omitempty"` // who says it
	Mark    *progress.Mark `json:"mark"`         // nil: the word is taken back
}

// Progress counts a student's tasks as they were found last.
type Progress struct {
	Student string `json:"student"`
	progress.Count
	Total int `json:"total"`
}

// Checker checks students' tasks.
type Checker interface {
	Check(ctx context.Context, r CheckRequest) ([]CheckedStudent, error)
	// Mark keeps a word and returns the one that stood before, nil where there was none.
	Mark(ctx context.Context, m Mark) (before *progress.Mark, err error)
	// Progress counts each student's tasks as they are known. It waits for nothing.
	Progress() []Progress
	// Changed is closed when a student's tasks may look otherwise, or, of "", anybody's.
	Changed(student string) <-chan struct{}
	// Worksheet is what a student's lab command speaks to.
	Worksheet(student string) (http.Handler, error)
}

// serveChecks adds the requests of a Checker.
func serveChecks(mux *http.ServeMux, c Checker) {
	mux.HandleFunc("POST /v1/check", asked(requestLimit, c.Check))
	mux.HandleFunc("PUT /v1/mark", asked(requestLimit, c.Mark))
	serveChanges(mux, c)
	worksheet := func(w http.ResponseWriter, r *http.Request) {
		sheet, err := c.Worksheet(r.URL.Query().Get("student"))
		if err != nil {
			WriteError(w, statusOf(err), err)
			return
		}
		sheet.ServeHTTP(w, r)
	}
	mux.HandleFunc("/v1/lab", worksheet)
	mux.HandleFunc("/v1/lab/", worksheet)
}

// requestLimit bounds a request of the controller's.
const requestLimit = 4 << 20

// Check has a sandbox check its students' tasks.
func (at Seat) Check(ctx context.Context, r CheckRequest) ([]CheckedStudent, error) {
	var checked []CheckedStudent
	return checked, at.call(ctx, http.MethodPost, "/v1/check", r, &checked)
}

// Worksheet carries the requests of a lab command to a student's tasks.
func (at Seat) Worksheet(student string) http.RoundTripper {
	return worksheetOf{at, student}
}

type worksheetOf struct {
	at      Seat
	student string
}

// RoundTrip implements http.RoundTripper.
func (t worksheetOf) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	query := r.URL.Query()
	query.Set("student", t.student)
	r.Host, r.URL.Host, r.URL.RawQuery = SeatHost(t.at.seat), GatewayHost, query.Encode()
	maps.Copy(r.Header, t.at.client.headers)
	return t.at.client.http.Transport.RoundTrip(r)
}

// Mark tells a sandbox the teacher's word, and returns the one that stood before.
func (at Seat) Mark(ctx context.Context, m Mark) (before *progress.Mark, err error) {
	return before, at.call(ctx, http.MethodPut, "/v1/mark", m, &before)
}
