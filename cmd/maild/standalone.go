package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	_ "time/tzdata" // where no time zones are installed: Windows, slim containers

	"maillab/internal/belongings"
	"maillab/internal/mail/auth"
	"maillab/internal/mail/mbox"
	"maillab/internal/maild"
	"maillab/internal/spec"
)

// standaloneVerb is the first argument that makes maild serve by itself, on any system:
//
//	maillab render spec -f LAB > spec.json
//	maild serve -spec spec.json -dir DIR -listen 127.0.0.1 -base 10000
const standaloneVerb = "serve"

// offsets of the services' ports from -base: those of the standard ones.
func offsets() map[string]int { return map[string]int{"smtp": 25, "pop3": 110, "imap": 143} }

// standalone serves one spec with the accounts in memory and the mail below a folder, until ctx ends.
func standalone(ctx context.Context, args []string, stderr io.Writer) (err error) {
	flags := flag.NewFlagSet("maild "+standaloneVerb, flag.ContinueOnError)
	flags.SetOutput(stderr)
	file := flags.String("spec", "", "what to serve: a file that maillab render spec made")
	dir := flags.String("dir", "", "folder for the mail, the log and the daemon's state")
	listen := flags.String("listen", "127.0.0.1", "address to listen on")
	base := flags.Int("base", 10000, "the services are on this port plus 25, 110 and 143")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *file == "" || *dir == "" {
		return errors.New("-spec and -dir are needed: see maild serve -h")
	}
	log := slog.New(slog.NewTextHandler(stderr, nil))
	daemon, err := openStandalone(*file, *dir, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, daemon.Close()) }()
	return serveStandalone(ctx, daemon, *listen, *base, log)
}

func openStandalone(file, dir string, log *slog.Logger) (*maild.Daemon, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var s spec.Sandbox
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if s.Version != spec.Version {
		return nil, fmt.Errorf("%s: version %d, this maild understands %d", file, s.Version, spec.Version)
	}
	hashes := map[string]string{}
	for _, a := range s.Accounts {
		hashes[a.Name] = a.PasswordHash
	}
	users := filepath.Join(dir, "users")
	return maild.New(maild.Config{
		Spec: s, Files: mbox.PlainFiles(users), Accounts: auth.NewMemory(hashes), Belongings: belongings.Plain{Dir: users},
		StateDir: filepath.Join(dir, "maild"), LogFile: filepath.Join(dir, "mail.log"), AnyListener: true, Log: log,
	})
}

// serveStandalone opens all listeners before anything is served.
func serveStandalone(ctx context.Context, daemon *maild.Daemon, listen string, base int, log *slog.Logger) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	for service, offset := range offsets() {
		if !daemon.Serves(service) {
			continue
		}
		listener, err := net.Listen("tcp", net.JoinHostPort(listen, strconv.Itoa(base+offset)))
		if err != nil {
			return err
		}
		log.Info("listening", "service", service, "address", listener.Addr().String())
		context.AfterFunc(ctx, func() { listener.Close() })
		wg.Go(func() { _ = daemon.Listen(ctx, listener, service) }) // ends with its listener
	}
	if err := daemon.Run(ctx); ctx.Err() == nil {
		return err
	}
	return nil
}
