package control

import (
	"context"
	"net/http"
)

// What a class's page asks of the gateway, over a connection of its own (package gateway, Desk):
//
//	GET  gateway/v1/class      who has which seat
//	POST gateway/v1/roles      a code of the teacher's → a role, the code is spent
//	GET  gateway/v1/roles      whether the role in the header is (still) one
//	     seat-N/v1/…           what a teacher may ask of a sandbox, with the role in the header RoleHeader

// RoleHeader is the header of a request that has the teacher's role.
const RoleHeader = "Maillab-Role"

// ClassSeat is whose a seat is: on a shared server everybody's, seat 0.
type ClassSeat struct {
	Seat     int      `json:"seat"`
	Students []string `json:"students"`
}

// Code is what a link for the teacher carries: it makes one browser the teacher's.
type Code struct {
	Code string `json:"code"`
}

// Role is the teacher's, for as long as the gateway lives and half a day at most.
type Role struct {
	Role string `json:"role"`
}

// Codes asks for a code, as who holds the instance.
func (c *Client) Codes(ctx context.Context) (Code, error) {
	var code Code
	return code, c.call(ctx, http.MethodPost, GatewayHost, "/v1/codes", struct{}{}, &code)
}

// Class asks who has which seat.
func (c *Client) Class(ctx context.Context) ([]ClassSeat, error) {
	var seats []ClassSeat
	return seats, c.call(ctx, http.MethodGet, GatewayHost, "/v1/class", nil, &seats)
}

// Roles spends a code.
func (c *Client) Roles(ctx context.Context, code Code) (Role, error) {
	var role Role
	return role, c.call(ctx, http.MethodPost, GatewayHost, "/v1/roles", code, &role)
}

// Known asks whether the client's role is still one.
func (c *Client) Known(ctx context.Context) error {
	return c.call(ctx, http.MethodGet, GatewayHost, "/v1/roles", nil, nil)
}

// Page asks how the page is served.
func (c *Client) Page(ctx context.Context) (Page, error) {
	var page Page
	return page, c.call(ctx, http.MethodGet, GatewayHost, "/v1/page", nil, &page)
}

// With has every request carry headers: a login, a role. It is called before the first one.
func (c *Client) With(headers http.Header) *Client {
	c.headers = headers
	return c
}
