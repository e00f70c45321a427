package control

import (
	"context"
	"encoding/json"
	"net/http"
)

//	POST seat-N/v1/send        deliver a message, as if root had given it to sendmail: a Send
//	POST seat-N/v1/notes       a note of the teacher's for one student, which the sandbox makes a message of: a Note
//	POST seat-N/v1/passwd      give an account a new password: a Password

// Send is a message for accounts of a sandbox.
type Send struct {
	From string   `json:"from"` // of the envelope; "" is root
	To   []string `json:"to"`   // accounts
	Raw  []byte   `json:"raw"`  // RFC 5322
}

// Note is what a teacher tells a student.
type Note struct {
	Student string `json:"student"`
	Text    string `json:"text"` // UTF-8, MaxNote octets at most
}

// MaxNote bounds one, in octets.
const MaxNote = 4000

// Tell has a sandbox put a note into a student's mailbox.
func (at Seat) Tell(ctx context.Context, n Note) error {
	return at.call(ctx, http.MethodPost, "/v1/notes", n, nil)
}

// Password is an account's new one, as crypt(3) has it.
type Password struct {
	Account string `json:"account"`
	Hash    string `json:"hash"`
}

// Send delivers a message in a sandbox.
func (at Seat) Send(ctx context.Context, s Send) error {
	return at.call(ctx, http.MethodPost, "/v1/send", s, nil)
}

// SetPassword sets an account's password.
func (at Seat) SetPassword(ctx context.Context, p Password) error {
	return at.call(ctx, http.MethodPost, "/v1/passwd", p, nil)
}

// sendLimit bounds a message with its JSON around it; SMTP's own limit is below it.
const sendLimit = 32 << 20

func sendRequests(mux *http.ServeMux, m Mail, h Host) {
	mux.HandleFunc("POST /v1/send", posted(sendLimit, m.Send))
	mux.HandleFunc("POST /v1/notes", posted(64<<10, m.Tell))
	mux.HandleFunc(passwordRequest, posted(64<<10, h.SetPassword))
}

// posted decodes a JSON body and hands it on.
func posted[T any](limit int64, do func(context.Context, T) error) http.HandlerFunc {
	return asked(limit, func(ctx context.Context, body T) (struct{}, error) { return struct{}{}, do(ctx, body) })
}

// asked decodes a JSON body, and answers with what comes of it.
func asked[T, A any](limit int64, do func(context.Context, T) (A, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var body T
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, limit)).Decode(&body); err != nil {
			WriteError(w, http.StatusBadRequest, err)
			return
		}
		a, err := do(r.Context(), body)
		answer(w, a, err)
	}
}
