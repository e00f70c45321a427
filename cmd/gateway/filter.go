//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"maillab/internal/handoff"
)

// In the filter's container: the gateway's socket, on the volume that it has of it, and spamd's own.
const (
	registrationsBeside = "/mnt/gateway.sock"
	spamdSocket         = "/tmp/spamd.sock"
)

// filter runs spamd and hands it the connections of sandboxes. It ends when spamd does: who runs it starts it anew.
func filter(ctx context.Context) error {
	token := os.Getenv(handoff.EnvToken)
	if token == "" {
		return errors.New(handoff.EnvToken + " is not set")
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	spamd := exec.CommandContext(ctx, "/usr/sbin/spamd", "--socketpath="+spamdSocket, "--socketmode=600", "--nouser-config",
		"--max-children=2", "--timeout-child=25", "--helper-home-dir=/tmp", "--syslog=stderr")
	spamd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/tmp", "LANG=C.UTF-8"}
	spamd.Stderr = os.Stderr
	spamd.Cancel = func() error { return spamd.Process.Signal(syscall.SIGTERM) }
	spamd.WaitDelay = 2 * time.Second
	if err := spamd.Start(); err != nil {
		return err
	}
	registration := handoff.Register(registrationsBeside, handoff.Packet{Token: token}, func(_ handoff.Offer, file *os.File) {
		if conn, err := handoff.FileConn(file); err == nil {
			go judged(ctx, conn, log)
		}
	}, log)
	go func() { // not before it can answer
		for !answers() {
			select {
			case <-ctx.Done():
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
		registration.Run(ctx)
	}()
	err := spamd.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("spamd ends: %w", err)
}

// answers tells whether spamd does.
func answers() bool {
	conn, err := net.Dial("unix", spamdSocket)
	if err != nil {
		return false
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "PING SPAMC/1.2\r\n\r\n"); err != nil {
		return false
	}
	line, _ := bufio.NewReader(conn).ReadString('\n')
	return strings.Contains(line, "PONG")
}

// judged is one sandbox's connection.
func judged(ctx context.Context, conn *net.UnixConn, log *slog.Logger) {
	defer conn.Close()
	spamd, err := new(net.Dialer).DialContext(ctx, "unix", spamdSocket)
	if err != nil {
		log.Warn("a message to be judged", "err", err)
		return
	}
	defer spamd.Close()
	defer context.AfterFunc(ctx, func() { conn.Close(); spamd.Close() })()
	go func() {
		_, _ = copyBuffered(spamd, conn)
		_ = spamd.(*net.UnixConn).CloseWrite()
	}()
	_, _ = copyBuffered(conn, spamd)
}
