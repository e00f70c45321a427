package imap

import (
	"net"
	"time"
)

// nowhere is a connection that takes everything and says nothing.
type nowhere struct{}

func (nowhere) Read([]byte) (int, error)         { select {} }
func (nowhere) Write(b []byte) (int, error)      { return len(b), nil }
func (nowhere) Close() error                     { return nil }
func (nowhere) LocalAddr() net.Addr              { return nil }
func (nowhere) RemoteAddr() net.Addr             { return nil }
func (nowhere) SetDeadline(time.Time) error      { return nil }
func (nowhere) SetReadDeadline(time.Time) error  { return nil }
func (nowhere) SetWriteDeadline(time.Time) error { return nil }
