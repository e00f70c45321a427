package submit

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"maillab/internal/mail"
	"maillab/internal/mail/queue"
)

// Queue takes mail; *queue.Queue is one.
type Queue interface {
	NewID() string
	Accept(ctx context.Context, env *mail.Envelope, body io.Reader) error
	List() []queue.Item
	Flush()
}

// Config is what the daemon's end needs.
type Config struct {
	Queue  Queue
	Lookup func(uid int) (queue.Account, bool)               // whose uid it is
	Pickup func(id string, uid int, sender string)           // mail.log: postfix/pickup: ID: uid=1001 from=<util1>
	SMTP   func(ctx context.Context, uid int, conn net.Conn) // serves sendmail -bs; nil refuses it
	Zone   *time.Location                                    // of the dates in mailq; nil is UTC
	Now    func() time.Time                                  // nil is time.Now
	Logger *slog.Logger                                      // nil is none
}

// server answers requests.
type server struct {
	Config
}

// New makes the handler for the paths below /v1/ that this package speaks. It must be served by Serve, which knows the
// callers.
func New(cfg Config) http.Handler {
	if cfg.Zone == nil {
		cfg.Zone = time.UTC
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &server{cfg}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/mail", s.caller(s.mail))
	mux.HandleFunc("GET /v1/mailq", s.caller(s.mailq))
	mux.HandleFunc("POST /v1/flush", s.caller(s.flush))
	mux.HandleFunc("POST /v1/smtp", s.caller(s.smtp))
	return mux
}

// caller hands a request's uid on, and answers with the error if there is one.
func (s *server) caller(do func(w http.ResponseWriter, r *http.Request, uid int) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		uid, ok := PeerUID(r.Context())
		err := error(&failure{exitNoPerm, "the caller is not known"})
		if ok {
			err = do(w, r, uid)
		}
		if err == nil {
			return
		}
		var f *failure
		if !errors.As(err, &f) {
			f = &failure{exitTempFail, err.Error()}
		}
		// A client that is still writing would not read the answer to a message that was refused half-way.
		_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, drainLimit))
		s.Logger.Debug("submission refused", "uid", uid, "path", r.URL.Path, "error", err)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnprocessableEntity)
		_ = json.NewEncoder(w).Encode(f)
	}
}

// drainLimit bounds what is read of a refused message.
const drainLimit = 64 << 20

// headLimit bounds a Submission: a thousand recipients of the longest kind.
const headLimit = 512 << 10

// recipientLimit is SMTP's.
const recipientLimit = 1000

// mail takes a message.
func (s *server) mail(w http.ResponseWriter, r *http.Request, uid int) error {
	in := bufio.NewReader(r.Body)
	sub, err := readSubmission(in)
	if err != nil {
		return err
	}
	env, typed, err := s.envelope(uid, sub)
	if err != nil {
		return err
	}
	s.Pickup(env.ID, uid, typed)
	if err := s.Queue.Accept(r.Context(), env, in); err != nil {
		return refused(err)
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(struct {
		ID string `json:"id"`
	}{env.ID})
}

// readSubmission reads the first line of a request.
func readSubmission(in *bufio.Reader) (Submission, error) {
	var sub Submission
	var line []byte
	for {
		part, more, err := in.ReadLine()
		line = append(line, part...)
		if err != nil || len(line) > headLimit {
			return sub, &failure{exitDataErr, "the request cannot be read"}
		}
		if !more {
			break
		}
	}
	if err := json.Unmarshal(line, &sub); err != nil {
		return sub, &failure{exitDataErr, "the request cannot be read: " + err.Error()}
	}
	for _, a := range append([]string{sub.FullName, sub.EnvID, sub.Return}, sub.Recipients...) {
		if strings.ContainsFunc(a, isControl) {
			return sub, &failure{exitDataErr, fmt.Sprintf("control character in %q", a)}
		}
	}
	switch {
	case len(sub.Recipients) == 0:
		return sub, &failure{exitUsage, "no recipients"}
	case len(sub.Recipients) > recipientLimit:
		return sub, &failure{exitUnavailable, "too many recipients"}
	case sub.Sender != nil && strings.ContainsFunc(*sub.Sender, isControl):
		return sub, &failure{exitDataErr, "control character in the sender"}
	}
	return sub, nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// envelope is the message's, with the sender as the log's pickup line has it.
func (s *server) envelope(uid int, sub Submission) (env *mail.Envelope, sender string, err error) {
	account, known := s.Lookup(uid)
	switch {
	case sub.Sender != nil: // a forged one is allowed, as everywhere; pickup's line has the uid beside it
		sender = *sub.Sender
	case known:
		sender = account.Name
	case uid == 0:
		sender = "root"
	default:
		return nil, "", &failure{exitNoPerm, fmt.Sprintf("no account has uid %d", uid)}
	}
	name := sub.FullName
	if name == "" {
		name, _, _ = strings.Cut(account.FullName, ",") // gecos: the name is its first part
	}
	env = &mail.Envelope{ID: s.Queue.NewID(), Protocol: queue.Submitted, UID: uid, User: account.Name, FullName: name, Sender: mail.Address{Typed: sender},
		Arrived: s.Now(), EnvID: sub.EnvID, Ret: strings.ToUpper(sub.Return)}
	for _, r := range sub.Recipients {
		env.Recipients = append(env.Recipients, mail.Recipient{Address: mail.Address{Typed: r}, Notify: sub.Notify})
	}
	return env, sender, nil
}

// refused turns the queue's answer into an exit code.
func refused(err error) error {
	var q *mail.Reply
	switch {
	case !errors.As(err, &q):
		return &failure{exitTempFail, err.Error()}
	case q.Code >= 500:
		return &failure{exitDataErr, strings.TrimPrefix(q.Text, "Error: ")}
	default:
		return &failure{exitTempFail, strings.TrimPrefix(q.Text, "Error: ")}
	}
}

func (s *server) mailq(w http.ResponseWriter, _ *http.Request, _ int) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, queue.FormatList(s.Queue.List(), s.Zone))
	return nil
}

func (s *server) flush(w http.ResponseWriter, _ *http.Request, _ int) error {
	s.Queue.Flush()
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// smtp turns the connection into an SMTP session.
func (s *server) smtp(w http.ResponseWriter, r *http.Request, uid int) error {
	if s.SMTP == nil || !strings.EqualFold(r.Header.Get("Upgrade"), "smtp") {
		return &failure{exitUnavailable, "no SMTP here"}
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return fmt.Errorf("smtp on the socket: %w", err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return nil // the client has gone
	}
	const switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: smtp\r\n\r\n"
	if _, err := io.WriteString(conn, switching); err == nil {
		s.SMTP(r.Context(), uid, localConn{conn, buffered.Reader})
	}
	return nil
}

// localConn is the rest of an HTTP connection, with loopback addresses: that is how Postfix logs sendmail -bs.
type localConn struct {
	net.Conn
	r *bufio.Reader
}

func (c localConn) Read(b []byte) (int, error) { return c.r.Read(b) }
func (localConn) RemoteAddr() net.Addr         { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
func (localConn) LocalAddr() net.Addr          { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 25} }
