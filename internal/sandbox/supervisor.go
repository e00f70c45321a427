//go:build linux

package sandbox

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"maillab/internal/broker"
	"maillab/internal/handoff"
	"maillab/internal/spec"
)

// Supervisor runs one sandbox. It is maild's broker.Backend.
type Supervisor struct {
	config              Config
	log                 *slog.Logger
	system              system
	homes               homes
	files               *broker.Files
	keys                *keyring
	hostKey             string
	children            *children
	maild               *keeper
	sshd                *sshd
	maildAs             maildChild
	gateway             *handoff.Registration
	mailEnd, controlEnd *net.UnixConn    // where connections are handed on to maild
	inside              *net.TCPListener // port 22, when it is served

	changing sync.Mutex // held from the spec that is read to the one that is kept: of two changes at once none is lost
	applying sync.Mutex // held while the system's files are changed
	shadow   shadowSaver
	ports    listeners
	packets  *net.UDPConn // of the name server; nil: there is none

	mu    sync.Mutex // guards state, never held for long
	state state
}

// state is what is in force.
type state struct {
	spec     *spec.Sandbox // nil before the first one
	text     []byte        // as it came
	accounts map[string]account
}

// names are its accounts'.
func (s state) names() (all []string) {
	for _, a := range s.spec.Accounts {
		all = append(all, a.Name)
	}
	return all
}

// Run makes the container a sandbox and keeps it one until ctx ends. The caller is root, and Fence has returned nil.
func Run(ctx context.Context, c Config, log *slog.Logger) error {
	release, err := awaitTurn(ctx, log)
	if err != nil {
		return err
	}
	defer release()
	s, err := newSupervisor(ctx, c, log)
	if err != nil {
		return err
	}
	defer s.ports.closeAll()
	if err := s.restore(ctx); err != nil {
		return err
	}
	var running sync.WaitGroup
	reaping, stop := context.WithCancel(context.WithoutCancel(ctx)) // until the last child has ended
	defer stop()
	go s.children.wait(reaping)
	running.Go(func() { s.maild.run(ctx) })
	running.Go(func() { s.gateway.Run(ctx) })
	running.Go(func() { tick(ctx, s.everySecond) })
	running.Go(func() { s.keepWatchingUsage(ctx) })
	running.Wait()
	s.saveShadow() // what was changed in the last second
	return nil
}

func newSupervisor(ctx context.Context, c Config, log *slog.Logger) (*Supervisor, error) {
	syscall.Umask(0o022)
	shadowGID, uid, gid, err := daemonUser()
	if err != nil {
		return nil, err
	}
	mailGID, err := groupID("mail")
	if err != nil {
		return nil, err
	}
	hostname, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	if err := makeDirectories(uid, gid, mailGID); err != nil {
		return nil, err
	}
	// No group of root's may be left when the broker takes on a user's identity: it changes no supplementary groups.
	if err := syscall.Setgroups(nil); err != nil {
		return nil, fmt.Errorf("giving up supplementary groups: %w", err)
	}
	s := &Supervisor{config: c, log: log, ports: listeners{}, children: newChildren()}
	s.system = system{shadowGID: shadowGID, address: ownAddress(), hostname: hostname}
	s.files = broker.NewFiles(ctx, "/var/mail", mailGID, s.owner)
	s.homes = homes{mailGID: mailGID, files: s.files}
	s.shadow = shadowSaver{shadow: "/etc/shadow", saved: filepath.Join(ownDir, "shadow")}
	s.keys = newKeyring("/run/maillab/keys", time.Now)
	keyFile := filepath.Join(ownDir, "ssh_host_ed25519_key")
	if s.hostKey, err = hostKey(keyFile, c.Token, c.Incarnation > 0); err != nil {
		return nil, err
	}
	if s.sshd, err = newSSHD(keyFile, s.children, log.With("from", "sshd")); err != nil {
		return nil, err
	}
	shared, err := s.ends()
	if err != nil {
		return nil, err
	}
	s.maildAs = maildChild{shadowGID: shadowGID, uid: uid, gid: gid, shared: shared, children: s.children, log: log.With("from", "maild")}
	s.maild = newKeeper("maild", log, s.startMaild)
	s.gateway = handoff.Register(gatewaySocket, handoff.Packet{Token: c.Token, Incarnation: c.Incarnation}, s.handOn, log)
	return s, nil
}

// makeDirectories makes what the volumes and the empty /run must hold. Only a member of a directory's group may make it
// setgid (chmod(2)).
func makeDirectories(uid, gid, mailGID int) error {
	return errors.Join(
		syscall.Setgroups([]int{mailGID}),
		directory("/var/mail", 0o775|os.ModeSetgid, 0, mailGID),
		directory("/home", 0o755, 0, 0),
		directory(stateDir, 0o755, 0, 0),
		directory(ownDir, 0o700, 0, 0),
		directory(stateDir+"/maild", 0o700, uid, gid),
		directory(stateDir+"/log", 0o755, uid, gid),
		directory("/run/maillab/keys", 0o755, 0, 0),
		directory("/run/maild", 0o755, uid, gid),
		os.WriteFile("/run/utmp", nil, 0o644), // who is logged in: who(1) reads it, sshd writes it when it is there
	)
}

// restore applies the spec that is on the volume, if there is one, and opens the listeners. One that the container was
// created with takes its place: there is nobody else to bring a new one.
func (s *Supervisor) restore(ctx context.Context) error {
	if given := s.config.Spec; given != nil {
		if err := s.adopt(ctx, given); err != nil {
			return err
		}
		return replace(filepath.Join(ownDir, "spec.json"), given, 0o600, -1)
	}
	text, err := readOr(filepath.Join(ownDir, "spec.json"))
	if err != nil {
		return err
	}
	if text == nil {
		s.log.Info("there is no spec yet: waiting for one")
		return s.adjustPorts(&spec.Sandbox{})
	}
	return s.adopt(ctx, text)
}

// adopt makes a spec the one in force: everything but keeping it, and maild, which has to be started anew.
func (s *Supervisor) adopt(ctx context.Context, text []byte) error {
	names, err := s.system.names()
	if err != nil {
		return err
	}
	sb, err := parseSpec(text, names)
	if err != nil {
		return err
	}
	return s.apply(ctx, sb, text)
}

func (s *Supervisor) apply(ctx context.Context, sb *spec.Sandbox, text []byte) error {
	s.applying.Lock()
	defer s.applying.Unlock()
	n, err := keepNumbers(filepath.Join(ownDir, "numbers"), sb)
	if err != nil {
		return err
	}
	accounts := accountsOf(sb, s.config.UIDBase, n)
	if err := s.evict(accounts); err != nil {
		return err
	}
	if err := s.shadow.save(); err != nil {
		return err
	}
	changed, err := s.shadow.load()
	if err != nil {
		return err
	}
	if err := s.system.accounts(accounts, changed, time.Now()); err != nil {
		return err
	}
	s.shadow.accounts = accounts
	s.setState(sb, text, accounts)
	files := startFiles{s.files, filepath.Join(ownDir, "files"), s.log}
	err = errors.Join(
		s.system.settings(sb),
		s.homes.make(ctx, accounts),
		files.put(ctx, sb.Files),
		s.adjustPorts(sb),
	)
	if err == nil {
		s.sshd.set(sb.Services.SSH != nil, len(accounts))
		s.serveInside()
	}
	return err
}

// adjustPorts opens what the spec has and closes what it has not.
func (s *Supervisor) adjustPorts(sb *spec.Sandbox) (err error) {
	s.packets, err = adjustPackets(s.packets, sb)
	return errors.Join(err, s.ports.adjust(sb))
}

// evict ends all processes of accounts that are no more, or get another uid.
func (s *Supervisor) evict(accounts []account) error {
	stay := map[int]string{}
	for _, a := range accounts {
		stay[a.uid] = a.name
	}
	for _, old := range s.snapshot().accounts {
		if stay[old.uid] == old.name {
			continue
		}
		s.log.Info("ending what an account runs that is no more, or moves", "account", old.name, "uid", old.uid)
		if err := killAll(old.uid); err != nil {
			return fmt.Errorf("account %s: %w", old.name, err)
		}
	}
	return nil
}

func (s *Supervisor) setState(sb *spec.Sandbox, text []byte, accounts []account) {
	byName := map[string]account{}
	for _, a := range accounts {
		byName[a.name] = a
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = state{sb, text, byName}
}

func (s *Supervisor) snapshot() state {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

// owner is the broker's Lookup.
func (s *Supervisor) owner(name string) (broker.Owner, error) {
	a, ok := s.snapshot().accounts[name]
	if !ok {
		return broker.Owner{}, fmt.Errorf("no account %q: %w", name, syscall.ENOENT)
	}
	return broker.Owner{UID: a.uid, GID: a.uid, Home: a.home()}, nil
}

// Configure implements broker.Backend.
func (s *Supervisor) Configure(ctx context.Context, text []byte) (after func(), err error) {
	s.changing.Lock()
	defer s.changing.Unlock()
	before := s.snapshot()
	if err := s.adopt(ctx, text); err != nil {
		if before.spec != nil && s.snapshot().spec != before.spec {
			err = errors.Join(err, s.apply(ctx, before.spec, before.text))
		}
		return nil, err
	}
	if err := replace(filepath.Join(ownDir, "spec.json"), text, 0o600, -1); err != nil {
		return nil, fmt.Errorf("keeping the spec: %w", err)
	}
	s.log.Info("a new spec is in force", "accounts", len(s.snapshot().accounts))
	return s.maild.restart, nil
}

// Authorize implements broker.Backend.
func (s *Supervisor) Authorize(_ context.Context, name, publicKey string, ttl time.Duration) error {
	if _, err := s.owner(name); err != nil {
		return err
	}
	return s.keys.add(name, publicKey, ttl)
}

// HostKey implements broker.Backend.
func (s *Supervisor) HostKey(context.Context) (string, error) { return s.hostKey, nil }

// Stamp implements broker.Backend.
func (s *Supervisor) Stamp(ctx context.Context) (string, error) {
	info, err := os.Stat("/etc/shadow")
	if err != nil {
		return "", err
	}
	h := fnv.New64a()
	fmt.Fprint(h, info.Size(), info.ModTime().UnixNano())
	now := s.snapshot()
	if now.spec == nil {
		return "", nil
	}
	names := now.names()
	each, err := s.files.Usage(ctx, names, nil)
	if err != nil {
		return "", err
	}
	for _, name := range names {
		fmt.Fprint(h, name, each[name].Stamp)
	}
	return strconv.FormatUint(h.Sum64(), 16), nil
}

// Moving implements broker.Backend. Who cannot be told is let go all the same.
func (s *Supervisor) Moving(ctx context.Context) error {
	now := s.snapshot()
	if now.spec == nil {
		return nil
	}
	for _, a := range now.spec.Accounts {
		text := "*** This server moves to another machine: you are disconnected now. Come back in half a minute, at the same address."
		if a.Lang == "fr" {
			text = "*** Ce serveur change de machine : vous êtes déconnecté. Revenez dans une demi-minute, à la même adresse."
		}
		if err := s.files.Tell(ctx, a.Name, text); err != nil {
			s.log.Warn("a student was not told", "account", a.Name, "err", err)
		}
	}
	return ctx.Err()
}

// Spec implements broker.Backend.
func (s *Supervisor) Spec(context.Context) ([]byte, error) {
	text := s.snapshot().text
	if text == nil {
		return nil, nil
	}
	return forMaild(text)
}

func (s *Supervisor) startMaild(ctx context.Context) (kept, error) {
	text, err := s.Spec(ctx)
	if err != nil {
		return kept{}, err
	}
	s.applying.Lock() // the listeners must not change while they are copied
	defer s.applying.Unlock()
	m := s.maildAs
	m.spec, m.listeners, m.packets = text, s.ports, s.packets
	return m.start(ctx, s.files, s)
}

func (s *Supervisor) everySecond() {
	s.saveShadow()
	if err := s.keys.expire(); err != nil {
		s.log.Warn("an expired key is still there", "err", err)
	}
}

func (s *Supervisor) saveShadow() {
	s.applying.Lock()
	defer s.applying.Unlock()
	if err := s.shadow.save(); err != nil {
		s.log.Error("changed passwords are not saved", "err", err)
	}
}

// tick runs do once a second until ctx ends.
func tick(ctx context.Context, do func()) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			do()
		case <-ctx.Done():
			return
		}
	}
}
