package control

import (
	"context"
	"net/http"
)

//	POST seat-N/v1/reset       put accounts back to the start: a Reset, answered with a ResetReport

// Reset says who is put back to the start, and what.
type Reset struct {
	Students []string `json:"students,omitempty"` // none: everybody
	Scope    string   `json:"scope"`              // mail, home or all
	Keep     bool     `json:"keep,omitempty"`     // keep a copy of what is there first (see Copy): without one nothing is put back
}

// ResetReport is what a reset or a restore did.
type ResetReport struct {
	Accounts []ResetAccount `json:"accounts"`
	Sessions int            `json:"sessions"`           // POP3 and IMAP sessions that were ended
	Queued   int            `json:"queued"`             // waiting messages that were dropped
	Epoch    int            `json:"epoch,omitempty"`    // the number of the epoch that began; 0: only some were put back
	LeftOut  []string       `json:"left_out,omitempty"` // of an archive, what has no place here
}

// ResetAccount is one account's part of it.
type ResetAccount struct {
	Name    string   `json:"name"`
	Student string   `json:"student,omitempty"`
	Dropped int      `json:"dropped"`         // messages that were in its mailbox
	Ended   []string `json:"ended,omitempty"` // programs that had a mailbox open
}

// Reset puts a sandbox's accounts back to the start.
func (at Seat) Reset(ctx context.Context, r Reset) (ResetReport, error) {
	var report ResetReport
	return report, at.call(ctx, http.MethodPost, "/v1/reset", r, &report)
}

func resetRequests(mux *http.ServeMux, l Lessons) {
	mux.HandleFunc("POST /v1/reset", asked(1<<20, l.Reset))
}
