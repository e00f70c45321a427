package imap

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"maillab/internal/mail"
	"maillab/internal/mail/imap/entity"
)

// Config is what a server needs to know. The zero value of a field means its default.
type Config struct {
	Wording  string      // "courier" (default) or "dovecot": whose words, and whose namespace
	Banner   string      // what follows the capability list in the greeting; default: the wording's own
	Hostname string      // told by ID
	Version  string      // told by ID
	TLS      *tls.Config // nil: no STARTTLS

	LoginTimeout time.Duration // for a command before login; 5 minutes
	IdleTimeout  time.Duration // for a command after login; 30 minutes (RFC 3501, section 5.4)
	WriteTimeout time.Duration // for a client to take what it asked for, a piece at a time; 2 minutes
	Poll         time.Duration // how often IDLE looks for what other programs did; 2 seconds

	MaxMessage int64 // octets of an APPEND; 10,240,000, as SMTP's
	// Stage makes a file for a large message that comes, which is gone when it is closed. nil: they are kept in memory.
	Stage   func() (*os.File, error)
	MaxLine int // octets of a command line without its literals; 65,536

	Now    func() time.Time // the clock of dates (not of timeouts); time.Now
	Logger *slog.Logger     // failures of the backend, and our own bugs; default: nowhere
	// Witness is asked once a connection who takes it down and who logs it; nil, and nil in what it returns, are nobody. The
	// recorder is told the size of a literal in place of its lines.
	Witness func(net.Conn) (mail.Recorder, Log)
}

// Log is told what mail.log wants to know of one connection.
type Log interface {
	Secure()                         // from now on TLS is on
	Login(user, method string)       // method: PLAIN
	LoginFailed(user, method string) // wrong password
	Disconnect(Stats)                // once, at the end
}

// discard is the Log of who wants none.
type discard struct{}

func (discard) Secure()                    {}
func (discard) Login(string, string)       {}
func (discard) LoginFailed(string, string) {}
func (discard) Disconnect(Stats)           {}

// Stats sums up a connection.
type Stats struct {
	User     string // "" when nobody logged in
	Ending   mail.Ending
	In, Out  int64 // octets, both ways
	Header   int64 // octets of headers in FETCH
	Body     int64 // octets of the rest in FETCH
	Deleted  int   // messages marked \Deleted
	Expunged int
	Attempts int // of login
}

// Server serves connections. It keeps nothing of them: what belongs to a connection lives in that connection's value.
type Server struct {
	cfg      Config
	backend  Backend
	words    words
	commands map[string]handler
	buffers  buffers
	fields   entity.Remembered
	spills   spills
}

// New makes a server.
func New(cfg Config, backend Backend) *Server {
	cfg = withDefaults(cfg)
	w := courierWords()
	if cfg.Wording == "dovecot" {
		w = dovecotWords()
	}
	if cfg.Banner == "" {
		cfg.Banner = w.banner
	}
	if name, _, ok := strings.Cut(cfg.Banner, " ready"); ok && w.product && !strings.Contains(name, " ") {
		w.bye, w.shutdown = name+" server shutting down", name+" server shutting down" // as the seed has it
	}
	return &Server{cfg: cfg, backend: backend, words: w, commands: commands()}
}

func withDefaults(cfg Config) Config {
	setDefault(&cfg.LoginTimeout, 5*time.Minute)
	setDefault(&cfg.IdleTimeout, 30*time.Minute)
	setDefault(&cfg.WriteTimeout, 2*time.Minute)
	setDefault(&cfg.Poll, 2*time.Second)
	setDefault(&cfg.MaxMessage, 10_240_000)
	setDefault(&cfg.MaxLine, 65_536)
	setDefault(&cfg.Version, "1")
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return cfg
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// ServeConn serves one connection until its end and closes it. When ctx ends the client is told with a BYE.
func (s *Server) ServeConn(ctx context.Context, nc net.Conn) {
	c := newConn(s, nc)
	stop := context.AfterFunc(ctx, c.interrupt)
	defer func() {
		stop()
		if p := recover(); p != nil {
			s.cfg.Logger.Error("imap: our own bug ended a connection", "panic", p, "stack", string(debug.Stack()))
			c.stats.Ending = mail.Failed
			c.bye("Internal error occurred. Refer to server log for more information.")
		}
		c.close()
	}()
	c.serve(ctx)
}
