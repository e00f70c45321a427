package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

// Client speaks to one instance's gateway, and through it to every sandbox, over one stream.
type Client struct {
	http    *http.Client
	dial    func(ctx context.Context) (net.Conn, error)
	headers http.Header // of every request

	mu      sync.Mutex
	streams map[net.Conn]bool // that are open
	closed  bool
}

// NewClient uses dial for its stream, once at the first request and again only when the stream broke.
func NewClient(dial func(ctx context.Context) (net.Conn, error)) *Client {
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	c := &Client{dial: dial, streams: map[net.Conn]bool{}}
	c.http = &http.Client{Transport: &http.Transport{
		Protocols: protocols,
		// The stream belongs to the client, not to the request that happened to open it.
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return c.open(context.WithoutCancel(ctx)) },
		// Every request has its own host, but there is only one stream: the transport keys connections by host, so
		// all requests are sent to one and the real one is set in Host (see do).
		DisableCompression: true,
		// Requests that come while the stream is being opened wait for it: each dial is an exec in the gateway.
		MaxConnsPerHost: 1,
	}}
	return c
}

// open opens a stream that ends with the client.
func (c *Client) open(ctx context.Context) (net.Conn, error) {
	stream, err := c.dial(ctx)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		_ = stream.Close()
		return nil, net.ErrClosed
	}
	c.streams[stream] = true
	return &ownStream{stream, c}, nil
}

// ownStream is forgotten when the transport closes it: whoever asks for days opens one after the other.
type ownStream struct {
	net.Conn
	client *Client
}

func (s *ownStream) Close() error {
	s.client.mu.Lock()
	delete(s.client.streams, s.Conn)
	s.client.mu.Unlock()
	return s.Conn.Close()
}

// Close ends the stream, and all that is under way on it. A stream that stayed open would keep a process in the gateway.
func (c *Client) Close() {
	c.http.CloseIdleConnections()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for stream := range c.streams {
		_ = stream.Close()
	}
	clear(c.streams)
}

// Seat speaks to the sandbox with a seat, over the client's stream.
type Seat struct {
	client *Client
	seat   int
}

// Seat is whom to ask about a sandbox.
func (c *Client) Seat(seat int) Seat { return Seat{c, seat} }

func (at Seat) call(ctx context.Context, method, path string, in, out any) error {
	return at.client.call(ctx, method, SeatHost(at.seat), path, in, out)
}

func (at Seat) do(ctx context.Context, method, path string, body io.Reader) (*http.Response, error) {
	return at.client.do(ctx, method, SeatHost(at.seat), path, body)
}

// PutDoors replaces the gateway's doors.
func (c *Client) PutDoors(ctx context.Context, doors Doors) error {
	return c.call(ctx, http.MethodPut, GatewayHost, "/v1/doors", doors, nil)
}

// Doors asks for the doors in force.
func (c *Client) Doors(ctx context.Context) (Doors, error) {
	var doors Doors
	return doors, c.call(ctx, http.MethodGet, GatewayHost, "/v1/doors", nil, &doors)
}

// Probe dials each service of a sandbox once; nothing of it is logged or recorded there.
func (at Seat) Probe(ctx context.Context) ([]Probe, error) {
	var probes []Probe
	return probes, at.client.call(ctx, http.MethodGet, GatewayHost, "/v1/probe?seat="+strconv.Itoa(at.seat), nil, &probes)
}

// Ready asks a sandbox for its state.
func (at Seat) Ready(ctx context.Context) (Ready, error) {
	var ready Ready
	return ready, at.call(ctx, http.MethodGet, "/v1/ready", nil, &ready)
}

// PutSpec tells a sandbox what to be. spec is a sealed spec.Sandbox.
func (at Seat) PutSpec(ctx context.Context, spec any) error {
	return at.call(ctx, http.MethodPut, "/v1/spec", spec, nil)
}

// Status asks a sandbox what it holds.
func (at Seat) Status(ctx context.Context) (Status, error) {
	var status Status
	return status, at.call(ctx, http.MethodGet, "/v1/status", nil, &status)
}

// Authorize lets an SSH key in.
func (at Seat) Authorize(ctx context.Context, a Authorize) error {
	return at.call(ctx, http.MethodPost, "/v1/authorize", a, nil)
}

// HostKey is the sandbox's SSH host key, as one authorized_keys line.
func (at Seat) HostKey(ctx context.Context) (string, error) {
	var key string
	return key, at.call(ctx, http.MethodGet, "/v1/hostkey", nil, &key)
}

// Log streams a sandbox's mail.log: its last lines (all when lines is negative), then, with follow, what comes, until
// ctx ends or the reader is closed.
func (at Seat) Log(ctx context.Context, lines int, follow bool) (io.ReadCloser, error) {
	query := url.Values{"lines": {strconv.Itoa(lines)}}
	if follow {
		query.Set("follow", "1")
	}
	response, err := at.do(ctx, http.MethodGet, "/v1/log?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	return response.Body, nil
}

// pollPause is the first wait between two looks at a sandbox that is not ready; it doubles up to pollMost.
const (
	pollPause = 10 * time.Millisecond
	pollMost  = 200 * time.Millisecond
)

// WaitReady waits until a sandbox has the spec in force and serves it, or, with spec "", until it can be told one. One
// that could not become what it was told is not waited for.
func (at Seat) WaitReady(ctx context.Context, spec string) error {
	var last error
	for pause := pollPause; ; pause = min(2*pause, pollMost) {
		ready, err := at.Ready(ctx)
		switch {
		case err != nil:
			last = err
		case spec == "", ready.State == StateReady && ready.Spec == spec:
			return nil
		case ready.Problem != "": // it stays until somebody tells another spec
			return fmt.Errorf("sandbox %d does not get ready: %s", at.seat, ready.Problem)
		default:
			last = fmt.Errorf("it is %s with spec %q, wanted %q", ready.State, ready.Spec, spec)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("sandbox %d does not get ready: %w (%w)", at.seat, last, ctx.Err())
		case <-time.After(pause):
		}
	}
}

// call sends one request with a JSON body and decodes a JSON answer.
func (c *Client) call(ctx context.Context, method, host, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	response, err := c.do(ctx, method, host, path, body)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if out == nil {
		_, err = io.Copy(io.Discard, response.Body)
		return err
	}
	body = io.LimitReader(response.Body, answerLimit)
	if err := json.NewDecoder(body).Decode(out); err != nil {
		return fmt.Errorf("answer of %s to %s: %w", host, path, err)
	}
	return nil
}

// answerLimit bounds what is kept of an answer, in bytes: the dialogues of a class on one server are some ten megabytes.
// A sandbox is not trusted with the controller's memory.
const answerLimit = 256 << 20

// do sends one request and turns an error answer into an *Error.
func (c *Client) do(ctx context.Context, method, host, path string, body io.Reader) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://"+GatewayHost+path, body)
	if err != nil {
		return nil, err
	}
	request.Host = host
	maps.Copy(request.Header, c.headers)
	response, err := c.http.Do(request)
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) { // its text repeats a URL that means nothing to people
			err = wrapped.Err
		}
		return nil, fmt.Errorf("%s: %w", host, err)
	}
	if response.StatusCode < 300 {
		return response, nil
	}
	defer response.Body.Close()
	answer := &Error{Status: response.StatusCode}
	text, _ := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if json.Unmarshal(text, answer) != nil || answer.Text == "" {
		answer.Text = http.StatusText(response.StatusCode)
	}
	return nil, fmt.Errorf("%s: %w", host, answer)
}
