//go:build linux

package broker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"maillab/internal/handoff"
)

// Backend is what only root may change, and is not a user's file.
type Backend interface {
	// Configure checks, keeps and applies a spec. What must happen after maild was answered (ending it) is left for
	// the returned function.
	Configure(ctx context.Context, specJSON []byte) (after func(), err error)
	Authorize(ctx context.Context, account, publicKey string, ttl time.Duration) error
	HostKey(ctx context.Context) (string, error)
	// Stamp is another text when anything was changed in the accounts' files or passwords.
	Stamp(ctx context.Context) (string, error)
	Spec(ctx context.Context) ([]byte, error)
	// Moving tells who has a terminal that the sandbox goes to another machine.
	Moving(ctx context.Context) error
}

// patience bounds one operation: what hangs is a stuck disk, and must not use up the server.
const patience = time.Minute

// maxInFlight bounds the requests of a connection that are being worked on; further ones wait in the socket.
const maxInFlight = 64

// Serve answers what comes in on conn until maild closes it or ctx ends, then waits for what is under way, and gives back
// the locks that were held through it.
func Serve(ctx context.Context, conn *net.UnixConn, files *Files, backend Backend, log *slog.Logger) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	s := &session{conn: conn, files: files, backend: backend, log: log, locks: map[uint64]bool{}, chosen: map[string]string{}}
	err := s.serve(ctx)
	_ = conn.Close()
	s.running.Wait()
	s.release()
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET) {
		return nil
	}
	return err
}

// session is one maild's connection.
type session struct {
	conn    *net.UnixConn
	files   *Files
	backend Backend
	log     *slog.Logger
	running sync.WaitGroup

	mu     sync.Mutex
	locks  map[uint64]bool   // held through this connection
	chosen map[string]string // passwords that were put aside, by user
}

func (s *session) serve(ctx context.Context) error {
	room := make(chan struct{}, maxInFlight)
	buffer := make([]byte, handoff.MaxPacket+1)
	for {
		packet, body, err := handoff.Receive(s.conn, buffer)
		if err != nil {
			return err
		}
		req, err := parseRequest(packet)
		if err != nil {
			closeFile(body)
			return fmt.Errorf("broker: %w", err)
		}
		room <- struct{}{}
		s.running.Go(func() {
			defer func() { <-room }()
			defer closeFile(body)
			s.answer(ctx, req, body)
		})
	}
}

// answer does one request and sends its reply. after runs when the reply is out.
func (s *session) answer(ctx context.Context, req request, body *os.File) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, file, after, err := s.do(ctx, req, body)
	if err != nil {
		r = failure(0, err)
	}
	r.ID = req.ID
	defer closeFile(file)
	if err := handoff.Send(s.conn, r, file); err != nil && !errors.Is(err, net.ErrClosed) {
		s.log.Warn("broker: an answer was not sent", "op", req.Op, "err", err)
	}
	if after != nil {
		after()
	}
}

func (s *session) do(ctx context.Context, req request, body *os.File) (r reply, file *os.File, after func(), err error) {
	switch req.Op {
	case opOpen:
		file, err = s.files.Open(ctx, req.User, req.Box, req.Flag)
	case opRemove:
		err = s.files.Remove(ctx, req.User, req.Box)
	case opRename:
		err = s.files.Rename(ctx, req.User, req.Box, req.To)
	case opList:
		file, err = s.list(ctx, req.User)
	case opMkdir:
		err = s.files.Mkdir(ctx, req.User, req.Box)
	case opLock:
		r.Lock, err = s.lock(ctx, req.User, req.Box)
	case opUnlock:
		err = s.unlock(ctx, req.Lock)
	case opConfigure:
		after, err = s.configure(ctx, body)
	case opAuthorize:
		err = s.backend.Authorize(ctx, req.User, req.Key, time.Duration(req.TTL)*time.Millisecond)
	case opHostKey:
		r.Text, err = s.backend.HostKey(ctx)
	case opStamp:
		r.Text, err = s.backend.Stamp(ctx)
	case opMoving:
		err = s.backend.Moving(ctx)
	case opSpec:
		file, err = s.spec(ctx)
	case opSave, opPrepare, opCommit, opAbort, opPassword:
		r, err = s.keep(ctx, req, body)
	case opRead, opRun:
		file, err = s.student(ctx, req, body)
	case opRelay:
		r, file, err = s.relay(ctx)
	case opFilter:
		file, err = s.filter(ctx)
	case opNeighbour:
		r, file, err = s.neighbour(ctx, req)
	default:
		err = fmt.Errorf("unknown operation %q: %w", req.Op, syscall.ENOSYS)
	}
	return r, file, after, err
}

func (s *session) list(ctx context.Context, user string) (*os.File, error) {
	names, err := s.files.List(ctx, user)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(names)
	if err != nil {
		return nil, err
	}
	return bodyFile(text)
}

func (s *session) spec(ctx context.Context) (*os.File, error) {
	text, err := s.backend.Spec(ctx)
	if err != nil {
		return nil, err
	}
	return bodyFile(text)
}

func (s *session) configure(ctx context.Context, body *os.File) (func(), error) {
	if body == nil {
		return nil, fmt.Errorf("no spec is attached: %w", syscall.EINVAL)
	}
	text, err := readBody(body)
	if err != nil {
		return nil, err
	}
	return s.backend.Configure(ctx, text)
}

func (s *session) lock(ctx context.Context, user, box string) (uint64, error) {
	lock, err := s.files.Lock(ctx, user, box)
	if err == nil {
		s.mu.Lock()
		s.locks[lock] = true
		s.mu.Unlock()
	}
	return lock, err
}

func (s *session) unlock(ctx context.Context, lock uint64) error {
	s.mu.Lock()
	held := s.locks[lock]
	delete(s.locks, lock)
	s.mu.Unlock()
	if !held { // not this connection's: locks are not given away by guessing numbers
		return nil
	}
	return s.files.Unlock(ctx, lock)
}

// release gives back what a maild that ended did not.
func (s *session) release() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for lock := range s.locks {
		if err := s.files.Unlock(ctx, lock); err != nil {
			s.log.Warn("broker: a lock was not given back", "err", err)
		}
	}
}
