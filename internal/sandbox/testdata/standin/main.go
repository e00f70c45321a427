// Command standin takes maild's place in this package's tests: it greets on the mail ports, and does on the control port
// whatever the test asks the broker for.
//
// By the name of sendmail it does nothing. Control speaks HTTP: PUT /v1/spec hands the body to Configure, POST /ask runs
// one broker operation and answers with JSON.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"maillab/internal/broker"
	"maillab/internal/handoff"
)

// ask is one operation that a test wants done.
type ask struct {
	Op, User, Box, To, Key, Text string
	Flag                         int
}

// told is what came of it.
type told struct {
	Error   string
	Errno   int
	Locked  bool
	Refused bool
	Text    string
	Names   []string
}

func main() {
	if !strings.HasSuffix(os.Args[0], "maild") {
		return
	}
	in, err := broker.Inherit(os.Getenv(broker.EnvDescriptors))
	if err != nil {
		log.Fatal(err)
	}
	for name, l := range in.Listeners {
		go greet(name, l)
	}
	go greet("", in.Mail)
	s := &server{in: in, locks: map[string]func(){}}
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /v1/spec", s.configure)
	mux.HandleFunc("POST /ask", s.ask)
	mux.HandleFunc("GET /who", s.who)
	log.Print("standin serves")
	http := http.Server{Handler: mux}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, func() { _ = http.Shutdown(context.Background()) }) // what is being answered is answered
	log.Print(http.Serve(in.Control))
	<-ctx.Done()
	_ = http.Shutdown(context.Background()) // returns when the last answer is out
}

// greet says which service it is and whom it sees.
func greet(name string, l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			log.Fatal(err)
		}
		service := name
		if handed, ok := conn.(*handoff.Conn); ok {
			service = handed.Service
		}
		fmt.Fprintf(conn, "220 %s %s\r\n", service, conn.RemoteAddr())
		_ = conn.Close()
	}
}

type server struct {
	in    broker.Inherited
	locks map[string]func()
}

func (s *server) configure(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = s.in.Broker.Configure(r.Context(), body)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

// who tells about this process: its status and the spec that it was given.
func (s *server) who(w http.ResponseWriter, _ *http.Request) {
	status, _ := os.ReadFile("/proc/self/status")
	_ = json.NewEncoder(w).Encode(map[string]any{"status": string(status), "spec": string(s.in.Spec), "pid": os.Getpid()})
}

func (s *server) ask(w http.ResponseWriter, r *http.Request) {
	var a ask
	if err := json.NewDecoder(r.Body).Decode(&a); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	out, err := s.do(r.Context(), a)
	if err != nil {
		out.Error = err.Error()
		out.Locked, out.Refused = errors.Is(err, broker.ErrLocked), errors.Is(err, broker.ErrRefused)
		var errno syscall.Errno
		if errors.As(err, &errno) {
			out.Errno = int(errno)
		}
	}
	_ = json.NewEncoder(w).Encode(out)
}

func (s *server) do(ctx context.Context, a ask) (out told, err error) {
	b := s.in.Broker
	switch a.Op {
	case "read", "append", "lease":
		out.Text, err = s.file(ctx, a)
	case "remove":
		err = b.Remove(ctx, a.User, a.Box)
	case "rename":
		err = b.Rename(ctx, a.User, a.Box, a.To)
	case "list":
		files, listed := b.List(ctx, a.User)
		for err = listed; len(files) > 0; files = files[1:] {
			if !files[0].Dir {
				out.Names = append(out.Names, files[0].Path)
			}
		}
	case "lock":
		var unlock func()
		if unlock, err = b.Lock(ctx, a.User, a.Box); err == nil {
			s.locks[a.User+"/"+a.Box] = unlock
		}
	case "unlock":
		s.locks[a.User+"/"+a.Box]()
	case "authorize":
		err = b.Authorize(ctx, a.User, a.Key, time.Minute)
	case "relay":
		out.Text, err = relayed(ctx, b)
	case "hostkey":
		out.Text, err = b.HostKey(ctx)
	default:
		err = errors.New("what?")
	}
	return out, err
}

// relayed is what the relay says first, and where it is.
func relayed(ctx context.Context, b *broker.Client) (string, error) {
	conn, err := b.DialRelay(ctx)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	line, err := bufio.NewReader(conn).ReadString('\n')
	return conn.RemoteAddr().String() + " " + line, err
}

func (s *server) file(ctx context.Context, a ask) (string, error) {
	flag := a.Flag
	if a.Op != "read" {
		flag |= os.O_RDWR
	}
	f, err := s.in.Broker.Open(ctx, a.User, a.Box, flag)
	if err != nil {
		return "", err
	}
	defer f.Close()
	switch a.Op {
	case "append":
		if _, err := f.Seek(0, io.SeekEnd); err != nil {
			return "", err
		}
		_, err = f.WriteString(a.Text)
		return "", err
	case "lease":
		const setLease = 1024 // F_SETLEASE, fcntl.h
		_, _, errno := syscall.Syscall(syscall.SYS_FCNTL, f.Fd(), setLease, syscall.F_WRLCK)
		if errno != 0 {
			return "", errno
		}
		return "", nil
	}
	text, err := io.ReadAll(f)
	return string(text), err
}
