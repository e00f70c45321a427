// Command standin behaves as far as the engine's contract goes like what is in a sandbox image, under whichever name it
// is started: labinit listens until SIGTERM, gateway serves HTTP/2 on a socket and relays to it, and try is for exec.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"maillab/internal/rollcall"
	"maillab/internal/sweep"
)

const (
	socket        = "/var/lib/gateway/control.sock"
	registrations = "/var/lib/gateway/socket/gateway.sock"
)

func main() {
	var err error
	switch filepath.Base(os.Args[0]) + " " + strings.Join(os.Args[1:min(2, len(os.Args))], "") {
	case "labinit ":
		err = listen()
	case "gateway serve":
		err = serve(os.Args[2])
	case "gateway stream":
		err = stream()
	case "gateway sweep":
		err = sweep.Volumes(context.Background(), sweep.Socket, os.Args[2], os.Args[3:])
	case "gateway rollcall":
		err = rollcall.Run(context.Background(), os.Args[2], os.Getenv("MAILLAB_NODE"), os.Stdout)
	case "try exit":
		err = try(os.Args[2])
	case "try dial":
		err = dial(os.Args[2])
	case "try make":
		err = os.Mkdir(os.Args[2], 0o700)
	case "try show":
		err = show(os.Args[2:])
	default:
		err = fmt.Errorf("no such program: %q", os.Args)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// listen accepts on the control port, for those who try to connect.
func listen() error {
	l, err := net.Listen("tcp", ":10080")
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "listening")
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	go func() {
		<-term
		l.Close()
	}()
	for {
		conn, err := l.Accept()
		if err != nil {
			return nil
		}
		conn.Close()
	}
}

// serve becomes the user that it is told, as the gateway does.
func serve(user string) error {
	uid, err := strconv.Atoi(user)
	if err != nil {
		return err
	}
	if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(uid), syscall.Setuid(uid)); err != nil {
		return err
	}
	os.Remove(registrations)
	sandboxes, err := net.Listen("unixpacket", registrations)
	if err != nil {
		return err
	}
	defer sandboxes.Close()
	if err := os.Chmod(registrations, 0o666); err != nil {
		return err
	}
	os.Remove(socket)
	l, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	server := http.Server{Handler: http.NotFoundHandler(), Protocols: &protocols}
	return server.Serve(l)
}

func stream() error {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return err
	}
	go func() {
		io.Copy(conn, os.Stdin)
		conn.(*net.UnixConn).CloseWrite()
	}()
	_, err = io.Copy(os.Stdout, conn)
	return err
}

// try copies stdin to stdout, says something on stderr, and exits with the given code.
func try(code string) error {
	n, err := strconv.Atoi(code)
	if err != nil {
		return err
	}
	if _, err := io.Copy(os.Stdout, os.Stdin); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "uid %d\n", os.Getuid())
	os.Exit(n)
	return nil
}

// dial connects, or not: what is cut off is dropped and never answers.
func dial(address string) error {
	network := "tcp"
	if strings.HasPrefix(address, "/") {
		network = "unixpacket"
	}
	conn, err := net.DialTimeout(network, address, time.Second)
	if err != nil {
		return err
	}
	return conn.Close()
}

// show prints files.
func show(names []string) error {
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		os.Stdout.Write(text)
	}
	return nil
}
