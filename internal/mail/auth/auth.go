// Package auth checks logins against the system's accounts (/etc/shadow) or, in the embedded engine, against the lab's
// accounts in memory.
//
// It promises: a changed password counts at once, and the old one no more; an unknown user, a locked account and a wrong
// password take as long as a right one takes the first time; no more passwords are checked at once than Config.Parallel
// (one check with Debian's yescrypt takes about 43 ms and 16 MiB), and that memory goes back to the system after a burst;
// a login that was right once costs next to nothing the next time. No password is kept, only a keyed hash of it, under a
// key that this process alone has.
package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"maillab/internal/mail"
	"maillab/internal/period"
)

// ErrBusy is that nothing was checked; worth another try. mail.ErrRejected is a user who is unknown, a password that is wrong, an
// account that is locked or has expired. Any other error is a fault of ours: the accounts could not be read.
var ErrBusy = errors.New("too many logins at once")

// maxPassword is libxcrypt's CRYPT_MAX_PASSPHRASE_SIZE, in octets: nobody can have set a longer one.
const maxPassword = 512

// Accounts know the accounts that there are.
type Accounts interface {
	// Find returns the account of this very name. It is asked for every login, so that changes count at once.
	Find(name string) (e Entry, known bool, err error)
}

// Policy slows down who guesses.
type Policy interface {
	// Failed counts a failed login of a peer, and returns how long its answer is held back.
	Failed(peer string) time.Duration
	// Succeeded ends a peer's row of failures.
	Succeeded(peer string)
}

// Config says how a Verifier behaves. The zero value is usable.
type Config struct {
	Domains  []string // what may follow @ in a user's name
	Parallel int      // passwords checked at once; 0 is two
	Waiting  int      // logins of one peer that may wait for their check, before it is told ErrBusy; 0 is 256
	Policy   Policy   // nil: failures are not slowed down
	Now      func() time.Time
	// Sleep holds an answer back; nil waits for real.
	Sleep func(ctx context.Context, d time.Duration)
}

// Verifier checks logins. Its methods may be called at the same time.
type Verifier struct {
	cfg      Config
	accounts Accounts
	verified *verified
	gate     *gate
	match    func(hash, password string) bool
}

// New makes a verifier of these accounts' logins.
func New(cfg Config, accounts Accounts) *Verifier {
	if cfg.Parallel <= 0 {
		cfg.Parallel = 2
	}
	if cfg.Waiting <= 0 {
		cfg.Waiting = 256
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Sleep == nil {
		cfg.Sleep = func(ctx context.Context, d time.Duration) { _ = period.Wait(ctx, d) }
	}
	if cfg.Policy == nil {
		cfg.Policy = patient{}
	}
	return &Verifier{
		cfg: cfg, accounts: accounts,
		verified: newVerified(), gate: newGate(cfg.Parallel, cfg.Waiting), match: matches,
	}
}

// Verify checks a password and returns the account's name. user is the name, or name@domain with a domain of ours; peer
// is the address, without port, that failures are counted by. A failure is answered as late as the policy says, or when
// ctx ends.
func (v *Verifier) Verify(ctx context.Context, user, password, peer string) (account string, err error) {
	e, open, err := v.find(user)
	if err != nil {
		return "", fmt.Errorf("look up account %q: %w", user, err)
	}
	open = open && password != "" && len(password) <= maxPassword
	right, err := v.right(ctx, e, open, password, peer)
	if err != nil {
		return "", fmt.Errorf("check password of %q: %w", user, err)
	}
	if !right {
		v.cfg.Sleep(ctx, v.cfg.Policy.Failed(peer))
		return "", fmt.Errorf("user %q: %w", user, mail.ErrRejected)
	}
	v.cfg.Policy.Succeeded(peer)
	return e.Name, nil
}

// right checks the password, of a decoy when the account is not open: so nobody learns from the time taken which
// accounts there are.
func (v *Verifier) right(ctx context.Context, e Entry, open bool, password, peer string) (bool, error) {
	known := func() bool { return open && v.verified.has(e, password) }
	if known() {
		return true, nil
	}
	hash := decoy
	if open {
		hash = e.Hash
	} else {
		password = password[:min(len(password), maxPassword)]
	}
	right := false
	err := v.gate.pass(ctx, peer, func() {
		// Of many logins at once with one password, only the first is checked: it is known before the next one passes.
		if right = known(); right {
			return
		}
		if right = v.match(hash, password) && open; right {
			v.verified.add(e, password)
		}
	})
	return right, err
}

// find looks a user up as typed, and then in lower case, as Dovecot does. open says that the account may log in.
func (v *Verifier) find(user string) (e Entry, open bool, err error) {
	name, ours := v.local(user)
	if !ours {
		return Entry{}, false, nil
	}
	e, known, err := v.accounts.Find(name)
	if lower := strings.ToLower(name); err == nil && !known && lower != name {
		e, known, err = v.accounts.Find(lower)
	}
	return e, known && e.open(v.cfg.Now()), err
}

// local takes our domain off a user's name.
func (v *Verifier) local(user string) (name string, ours bool) {
	name, domain, has := strings.Cut(user, "@")
	if !has {
		return name, true
	}
	for _, d := range v.cfg.Domains {
		if strings.EqualFold(d, domain) {
			return name, true
		}
	}
	return "", false
}

// patient is the Policy of who has none.
type patient struct{}

func (patient) Failed(string) time.Duration { return 0 }
func (patient) Succeeded(string)            {}
