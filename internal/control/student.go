package control

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
)

// Further requests, for pages that a student has open:
//
//	GET  seat-N/v1/changes?student=S   a line whenever the student's tasks may look otherwise; nobody's: anybody's
//	GET  student/v1/me                 who has logged in
//
// The second is for the student service of a sandbox (package handoff), which takes the login and password of an account in
// each request (RFC 7617) and answers of the others only what is that student's own: lab, dialogues, messages, log, changes.

// StudentHost is the request host of a sandbox's student service.
const StudentHost = "student"

// Me is who has logged in, and where.
type Me struct {
	Student   string            `json:"student"` // "": the account is nobody's
	Account   string            `json:"account"` // that logged in
	Accounts  []string          `json:"accounts"`
	Lang      string            `json:"lang"`
	Lab       string            `json:"lab"`
	Title     map[string]string `json:"title"`
	Statement map[string]string `json:"statement,omitempty"` // Markdown, by language
	Hostname  string            `json:"hostname"`
	Domain    string            `json:"domain"`
	Timezone  string            `json:"timezone"`
	Services  []string          `json:"services"`
}

// serveChanges adds the request.
func serveChanges(mux *http.ServeMux, c Checker) {
	mux.HandleFunc("GET /v1/changes", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-ndjson")
		out := &flusher{w: w, c: http.NewResponseController(w)}
		for {
			changed := c.Changed(r.FormValue("student")) // before the word: nothing is missed while it is on its way
			if _, err := out.Write([]byte("{}\n")); err != nil {
				return
			}
			select {
			case <-changed:
			case <-r.Context().Done():
				return
			}
		}
	})
}

// Me asks who has logged in.
func (c *Client) Me(ctx context.Context) (Me, error) {
	var me Me
	return me, c.call(ctx, http.MethodGet, StudentHost, "/v1/me", nil, &me)
}

// Changes calls changed at once, and whenever a student's tasks may look otherwise, or anybody's where none is named; until
// ctx ends or the sandbox does.
func (at Seat) Changes(ctx context.Context, student string, changed func() error) error {
	response, err := at.do(ctx, http.MethodGet, "/v1/changes?"+url.Values{"student": {student}}.Encode(), nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	for in := json.NewDecoder(response.Body); ; {
		var line struct{}
		if err := in.Decode(&line); errors.Is(err, io.EOF) || ctx.Err() != nil {
			return ctx.Err()
		} else if err != nil {
			return err
		}
		if err := changed(); err != nil {
			return err
		}
	}
}
