package control

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"

	"maillab/internal/fault"
)

// specLimit bounds a spec: starting mail and files of a lab, for a class of 300 on a shared server.
const specLimit = 64 << 20

// Sandbox is what answers for one. Whoever has the daemon puts it together once; what is nil cannot be done
// here, and is answered so by Handler, not by each part.
type Sandbox struct {
	Host    Host
	Mail    Mail    // nil: the sandbox has no spec yet, and none of the parts below
	Lessons Lessons // nil: nothing here copies or replaces students' files
	Copies  Copies
	Checker Checker
	Records Records
	Work    Work // nil: nobody has tasks
	Screens Recordings
	Faults  Faults
}

// Host is what a sandbox answers before it knows what it is.
type Host interface {
	Ready(ctx context.Context) Ready
	Configure(ctx context.Context, spec []byte) error
	Authorize(ctx context.Context, a Authorize) error
	HostKey(ctx context.Context) (string, error)
	Stamp(ctx context.Context) (string, error)
	SetPassword(ctx context.Context, p Password) error
	// Moving tells who has a terminal that the sandbox goes to another machine.
	Moving(ctx context.Context) error
}

// Mail is a sandbox's mail.
type Mail interface {
	// Accounts tells of all of them; an error does not make the others' numbers worthless.
	Accounts(ctx context.Context) ([]Account, error)
	// Log writes the last lines of mail.log to w and, with follow, what comes until ctx ends.
	Log(ctx context.Context, w io.Writer, lines int, follow bool) error
	// Send delivers a message of the controller's.
	Send(ctx context.Context, s Send) error
	// Tell delivers a note of the teacher's.
	Tell(ctx context.Context, n Note) error
}

// errNoSpec is the answer of a sandbox that is nothing yet.
var errNoSpec = &Error{Status: http.StatusConflict, Text: "the sandbox has no spec yet"}

// Handler answers for a sandbox. Who is let in is the business of whoever listens: connections come from the gateway, or over
// the embedded engine's socket.
func Handler(s Sandbox, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	hostRequests(mux, s.Host)
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, r *http.Request) { WriteJSON(w, s.status(r.Context())) })
	if s.Mail == nil {
		mux.HandleFunc("GET /v1/log", func(http.ResponseWriter, *http.Request) {}) // nothing was logged
		mux.HandleFunc("/v1/", func(w http.ResponseWriter, _ *http.Request) { answer(w, nil, errNoSpec) })
		return mux
	}
	mux.HandleFunc("GET /v1/log", func(w http.ResponseWriter, r *http.Request) { serveLog(w, r, s.Mail, log) })
	sendRequests(mux, s.Mail, s.Host)
	if s.Lessons != nil {
		resetRequests(mux, s.Lessons)
		snapshotRequests(mux, s.Lessons)
	}
	if s.Copies != nil {
		copyRequests(mux, s.Copies)
	}
	if s.Checker != nil {
		serveChecks(mux, s.Checker)
	}
	if s.Work != nil {
		serveWork(mux, s.Work)
	}
	if s.Records != nil {
		serveRecords(mux, s.Records)
	}
	if s.Screens != nil {
		serveRecordings(mux, s.Screens)
	}
	if s.Faults != nil {
		serveFaults(mux, s.Faults)
	}
	return mux
}

func hostRequests(mux *http.ServeMux, h Host) {
	mux.HandleFunc("GET /v1/ready", func(w http.ResponseWriter, r *http.Request) { WriteJSON(w, h.Ready(r.Context())) })
	mux.HandleFunc(configureRequest, func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, specLimit))
		if err != nil {
			WriteError(w, http.StatusBadRequest, err)
			return
		}
		answer(w, struct{}{}, h.Configure(r.Context(), text))
	})
	mux.HandleFunc("POST /v1/authorize", posted(64<<10, h.Authorize))
	mux.HandleFunc("GET /v1/hostkey", func(w http.ResponseWriter, r *http.Request) {
		key, err := h.HostKey(r.Context())
		answer(w, key, err)
	})
	mux.HandleFunc("GET /v1/stamp", func(w http.ResponseWriter, r *http.Request) {
		stamp, err := h.Stamp(r.Context())
		answer(w, stamp, err)
	})
	mux.HandleFunc("POST /v1/moving", func(w http.ResponseWriter, r *http.Request) { answer(w, struct{}{}, h.Moving(r.Context())) })
}

// The requests with which a sandbox may become another one.
const (
	configureRequest = "PUT /v1/spec"
	passwordRequest  = "POST /v1/passwd"
)

// Replaces tells of a request whether the daemon that serves it may end because of it: whoever waits until the others are
// answered does not wait for this one.
func Replaces(r *http.Request) bool {
	request := r.Method + " " + r.URL.Path
	return request == configureRequest || request == passwordRequest
}

// status puts together what the parts know.
func (s Sandbox) status(ctx context.Context) Status {
	status := Status{Ready: s.Host.Ready(ctx), Accounts: []Account{}}
	if s.Mail != nil {
		var err error
		if status.Accounts, err = s.Mail.Accounts(ctx); err != nil {
			status.Problem = err.Error()
		}
	}
	if s.Checker != nil {
		status.Tasks = s.Checker.Progress()
	}
	if s.Faults != nil {
		for _, f := range s.Faults.Faults() {
			if f.By == fault.ByTeacher {
				status.Faults++
			}
		}
	}
	return status
}

func serveLog(w http.ResponseWriter, r *http.Request, b Mail, log *slog.Logger) {
	lines, err := strconv.Atoi(r.FormValue("lines"))
	if err != nil {
		lines = -1
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	out := &flusher{w: w, c: http.NewResponseController(w)}
	if err := b.Log(r.Context(), out, lines, r.FormValue("follow") == "1"); err != nil && r.Context().Err() == nil {
		log.Warn("sending mail.log", "err", err)
		panic(http.ErrAbortHandler) // the reader must not take it for the end
	}
}

// flusher sends every write on its way at once: somebody is watching.
type flusher struct {
	w io.Writer
	c *http.ResponseController
}

func (f *flusher) Write(p []byte) (int, error) {
	n, err := f.w.Write(p)
	if err == nil {
		err = f.c.Flush()
	}
	return n, err
}

func answer(w http.ResponseWriter, value any, err error) {
	if err != nil {
		WriteError(w, statusOf(err), err)
		return
	}
	WriteJSON(w, value)
}

// statusOf keeps a status that the backend chose; anything else is the sandbox's own fault.
func statusOf(err error) int {
	var chosen *Error
	if errors.As(err, &chosen) && chosen.Status != 0 {
		return chosen.Status
	}
	return http.StatusInternalServerError
}

// WriteJSON answers with a value.
func WriteJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value) // the peer went away: there is nobody to tell
}

// WriteError answers with an error.
func WriteError(w http.ResponseWriter, status int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(Error{Text: err.Error()})
}
