package control

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// On many machines gateways keep copies of sandboxes that are elsewhere (package depot). Whichever gateway is asked passes on what is
// of another node:
//
//	GET  gateway/v1/depot/NODE                 which there are: []Kept
//	GET  gateway/v1/depot/NODE/SEAT/ID         one, as it was put
//	PUT  gateway/v1/depot/NODE/SEAT/ID?keep=N  keep one, and of a seat's the newest N
//	POST gateway/v1/depot/NODE/SEAT/ID?at=T    what the newest has was still so at a time
//	GET  seat-N/v1/stamp                       a text that is another one when anything was changed that a copy has
//	POST seat-N/v1/moving                      tell who has a terminal that the sandbox goes to another machine
//
// What is kept is the stream of a seat's snapshot, compressed with zstd.

// Copying is when sandboxes are copied to another machine.
type Copying struct {
	Every time.Duration `json:"every"`
	Keep  int           `json:"keep"` // of each sandbox
}

// Kept is a copy of a sandbox.
type Kept struct {
	Node   string    `json:"node"` // where it is
	Seat   int       `json:"seat"`
	ID     string    `json:"id"`
	Time   time.Time `json:"time"` // at which the sandbox was so
	Octets int64     `json:"octets"`
}

// Depot is where a node keeps copies.
type Depot struct {
	Client *Client
	Node   string
}

func (d Depot) path(seat int, id string, query url.Values) string {
	return fmt.Sprintf("/v1/depot/%s/%d/%s?%s", url.PathEscape(d.Node), seat, url.PathEscape(id), query.Encode())
}

// List asks which copies there are.
func (d Depot) List(ctx context.Context) ([]Kept, error) {
	var all []Kept
	return all, d.Client.call(ctx, http.MethodGet, GatewayHost, "/v1/depot/"+url.PathEscape(d.Node), nil, &all)
}

// Open reads one.
func (d Depot) Open(ctx context.Context, k Kept) (io.ReadCloser, error) {
	response, err := d.Client.do(ctx, http.MethodGet, GatewayHost, d.path(k.Seat, k.ID, nil), nil)
	if err != nil {
		return nil, err
	}
	return response.Body, nil
}

// Put keeps one, whole or not at all, and so many of its seat.
func (d Depot) Put(ctx context.Context, seat int, id string, keep int, from io.Reader) error {
	response, err := d.Client.do(ctx, http.MethodPut, GatewayHost, d.path(seat, id, url.Values{"keep": {strconv.Itoa(keep)}}), from)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// Still says that what one has was so at a later time.
func (d Depot) Still(ctx context.Context, seat int, id string, at time.Time) error {
	return d.Client.call(ctx, http.MethodPost, GatewayHost, d.path(seat, id, url.Values{"at": {at.Format(time.RFC3339Nano)}}), nil, nil)
}

// Stamp asks a sandbox for a text that is another one when anything was changed that a copy has.
func (at Seat) Stamp(ctx context.Context) (string, error) {
	var stamp string
	return stamp, at.call(ctx, http.MethodGet, "/v1/stamp", nil, &stamp)
}

// Moving has a sandbox tell who has a terminal there that it goes to another machine.
func (at Seat) Moving(ctx context.Context) error {
	return at.call(ctx, http.MethodPost, "/v1/moving", nil, nil)
}
