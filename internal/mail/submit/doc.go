// Package submit is the sendmail command (and mailq, newaliases) and the end of it in the daemon: how mail from inside
// the sandbox gets into the queue without SMTP.
//
// The command runs as the student and needs no rights; it talks to the daemon over a Unix socket. Who is calling is
// never asked but taken from the kernel (SO_PEERCRED). The promise is sendmail's: exit code 0 means that the message is
// on disk. When the daemon does not answer, the command waits a little, then says so and exits with 75 (EX_TEMPFAIL), on
// which cron, mutt and scripts keep the message or tell their user.
//
// # Protocol
//
// HTTP/1.1 on a stream socket, so that an aborted message (a killed client) is told from a finished one, and so that
// other services can live on the same socket:
//
//	POST /v1/mail    body: a Submission as one line of JSON, LF, the message. 200 {"id":"QUEUEID"}
//	GET  /v1/mailq   200, text as mailq prints it
//	POST /v1/flush   204, tries everything now
//	POST /v1/smtp    Upgrade: smtp. 101, then the connection is an SMTP session (sendmail -bs)
//
// Any other status comes with {"exit":N,"text":"why"}, N from sysexits.h.
package submit

// Submission is what the command line says about a message.
type Submission struct {
	Sender     *string  `json:"sender,omitempty"`   // -f; nil is the caller, "" is the null sender
	FullName   string   `json:"fullName,omitempty"` // -F or NAME; empty is the caller's
	Recipients []string `json:"recipients"`
	Notify     []string `json:"notify,omitempty"` // -N, RFC 3461
	Return     string   `json:"return,omitempty"` // -R: FULL or HDRS
	EnvID      string   `json:"envid,omitempty"`  // -V
}

// The exit codes of sysexits.h that are used here.
const (
	exitOK          = 0
	exitUsage       = 64
	exitDataErr     = 65
	exitUnavailable = 69
	exitSoftware    = 70
	exitIOErr       = 74
	exitTempFail    = 75
	exitNoPerm      = 77
)

// failure is the answer of a request that did not do what it should.
type failure struct {
	Exit int    `json:"exit"`
	Text string `json:"text"`
}

func (f *failure) Error() string { return f.Text }

// DefaultSocket is where the daemon listens; MAILLAB_SOCKET overrides it.
const DefaultSocket = "/run/maild/maild.sock"
