package gateway

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"maillab/internal/control"
	"maillab/internal/handoff"
)

// probePatience bounds one dial of a service, its greeting included.
const probePatience = 5 * time.Second

// probe dials every service of a sandbox once and reports the greetings. Nothing of it is recorded.
func (g *Gateway) probe(w http.ResponseWriter, r *http.Request) {
	t, ok := g.target(w, r.FormValue("seat"))
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), probePatience)
	defer cancel()
	probes := make([]control.Probe, len(t.Doors))
	var wg sync.WaitGroup
	for i, d := range t.Doors {
		wg.Go(func() { probes[i] = g.probeOne(ctx, t, d.Service) })
	}
	wg.Wait()
	control.WriteJSON(w, probes)
}

func (g *Gateway) probeOne(ctx context.Context, t control.Target, service string) control.Probe {
	p := control.Probe{Service: service}
	conn, err := g.sandboxes.Dial(ctx, t, handoff.Offer{Service: service, Probe: true})
	if err != nil {
		p.Error = err.Error()
		return p
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline)
	line, err := bufio.NewReader(conn).ReadString('\n')
	p.Greeting = strings.TrimRight(line, "\r\n")
	if err != nil {
		p.Error = fmt.Sprintf("no greeting: %v", err)
	}
	return p
}

// dial turns a request into a byte stream to SSH: its body goes there, the answer comes from there.
func (g *Gateway) dial(w http.ResponseWriter, r *http.Request) {
	t, ok := g.target(w, r.FormValue("seat"))
	if !ok {
		return
	}
	conn, err := g.sandboxes.Dial(r.Context(), t, handoff.Offer{Service: handoff.SSH, Probe: true})
	if err != nil {
		control.WriteError(w, http.StatusBadGateway, err)
		return
	}
	defer conn.Close()
	go func() {
		_, _ = io.Copy(conn, r.Body) // an error ends the other direction too, where it is seen
		closeWrite(conn)
	}()
	out := http.NewResponseController(w)
	_ = out.Flush()
	buf := make([]byte, 32<<10)
	for {
		n, err := conn.Read(buf)
		if n > 0 {
			if _, err := w.Write(buf[:n]); err != nil || out.Flush() != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func closeWrite(c net.Conn) {
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}
