package control

import (
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// Stream opens a byte stream to a sandbox's SSH through the gateway, as a connection, also where nothing is published.
func (at Seat) Stream(ctx context.Context) (net.Conn, error) {
	out, in := io.Pipe()
	ctx, cancel := context.WithCancel(ctx)
	response, err := at.client.do(ctx, http.MethodPost, GatewayHost, "/v1/dial?seat="+strconv.Itoa(at.seat), out)
	if err != nil {
		cancel()
		return nil, err
	}
	return &stream{in: in, out: response.Body, cancel: cancel}, nil
}

// stream is an HTTP/2 request whose body is one direction and whose answer is the other.
type stream struct {
	in     *io.PipeWriter
	out    io.ReadCloser
	cancel context.CancelFunc
}

func (s *stream) Read(p []byte) (int, error)  { return s.out.Read(p) }
func (s *stream) Write(p []byte) (int, error) { return s.in.Write(p) }

// CloseWrite ends our direction.
func (s *stream) CloseWrite() error { return s.in.Close() }

func (s *stream) Close() error {
	_ = s.in.Close()
	s.cancel()
	return s.out.Close()
}

func (s *stream) LocalAddr() net.Addr  { return streamAddr{} }
func (s *stream) RemoteAddr() net.Addr { return streamAddr{} }

// Deadlines are not to be had on a stream; whoever needs one closes it.
func (s *stream) SetDeadline(time.Time) error      { return nil }
func (s *stream) SetReadDeadline(time.Time) error  { return nil }
func (s *stream) SetWriteDeadline(time.Time) error { return nil }

type streamAddr struct{}

func (streamAddr) Network() string { return "gateway" }
func (streamAddr) String() string  { return "gateway" }
