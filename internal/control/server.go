package control

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
)

// specLimit bounds a spec: starting mail and files of a lab, for a class of 300 on a shared server.
const specLimit = 64 << 20

// Backend is a sandbox as its control port shows it.
type Backend interface {
	Ready(ctx context.Context) Ready
	Status(ctx context.Context) (Status, error)
	Configure(ctx context.Context, spec []byte) error
	// Log writes the last lines of mail.log to w and, with follow, what comes until ctx ends.
	Log(ctx context.Context, w io.Writer, lines int, follow bool) error
	Authorize(ctx context.Context, a Authorize) error
	HostKey(ctx context.Context) (string, error)
}

// Handler serves a sandbox's control port to whoever has its token; an empty token lets anyone in and is for the
// embedded engine, whose socket is the guard.
func Handler(b Backend, token string, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/ready", func(w http.ResponseWriter, r *http.Request) { WriteJSON(w, b.Ready(r.Context())) })
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, r *http.Request) {
		status, err := b.Status(r.Context())
		answer(w, status, err)
	})
	mux.HandleFunc("PUT /v1/spec", func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, specLimit))
		if err != nil {
			WriteError(w, http.StatusBadRequest, err)
			return
		}
		answer(w, struct{}{}, b.Configure(r.Context(), text))
	})
	mux.HandleFunc("GET /v1/log", func(w http.ResponseWriter, r *http.Request) { serveLog(w, r, b, log) })
	mux.HandleFunc("POST /v1/authorize", func(w http.ResponseWriter, r *http.Request) {
		var a Authorize
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&a); err != nil {
			WriteError(w, http.StatusBadRequest, err)
			return
		}
		answer(w, struct{}{}, b.Authorize(r.Context(), a))
	})
	mux.HandleFunc("GET /v1/hostkey", func(w http.ResponseWriter, r *http.Request) {
		key, err := b.HostKey(r.Context())
		answer(w, key, err)
	})
	for _, more := range extensions() {
		more(mux, b)
	}
	return guard(mux, token)
}

// extensions are the request groups that stand in files of their own, each with the interface that a Backend may
// implement to have it: what a sandbox cannot do answers 404.
func extensions() []func(*http.ServeMux, Backend) {
	return []func(*http.ServeMux, Backend){resetRequests, snapshotRequests, sendRequests, serveChecks, serveWitness}
}

// guard lets nobody in without the token.
func guard(next http.Handler, token string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if token != "" && subtle.ConstantTimeCompare([]byte(given), []byte(token)) != 1 {
			WriteError(w, http.StatusForbidden, errors.New("wrong control token"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

func serveLog(w http.ResponseWriter, r *http.Request, b Backend, log *slog.Logger) {
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
