package nameserver

import (
	"context"
	"net"
	"time"

	"github.com/miekg/dns"
)

// mostAtOnce bounds the questions that are being answered: a program that floods its own server must not take the daemon's
// memory. One too many has no answer, as a lost packet has none.
const mostAtOnce = 64

// Serve answers the sandbox's own programs, on UDP and TCP, until ctx ends.
func (s *Server) Serve(ctx context.Context, packets net.PacketConn, streams net.Listener) error {
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) { s.serve(ctx, w, r) })
	servers := []*dns.Server{{PacketConn: packets, Handler: handler}, {Listener: streams, Handler: handler}}
	ended := make(chan error, len(servers))
	for _, server := range servers {
		go func() { ended <- server.ActivateAndServe() }()
	}
	defer context.AfterFunc(ctx, func() { packets.Close(); streams.Close() })()
	err := <-ended
	packets.Close()
	streams.Close()
	<-ended
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (s *Server) serve(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) {
	select {
	case s.room <- struct{}{}:
		defer func() { <-s.room }()
	default:
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	if !s.late(ctx) {
		return
	}
	m := s.reply(ctx, r, s.resolve)
	m.RecursionAvailable = true
	if _, udp := w.RemoteAddr().(*net.UDPAddr); udp {
		size := dns.MinMsgSize
		if o := r.IsEdns0(); o != nil {
			size = max(size, int(o.UDPSize()))
		}
		m.Truncate(size)
	}
	_ = w.WriteMsg(m) // whoever asked asks again
}

// reply answers a message with one question.
func (s *Server) reply(ctx context.Context, r *dns.Msg, lookup func(context.Context, question) answer) *dns.Msg {
	m := new(dns.Msg)
	if r.Opcode != dns.OpcodeQuery || len(r.Question) != 1 || r.Question[0].Qclass != dns.ClassINET {
		return m.SetRcode(r, dns.RcodeNotImplemented)
	}
	q := question{dns.CanonicalName(r.Question[0].Name), r.Question[0].Qtype}
	a := lookup(ctx, q)
	m.SetRcode(r, a.code)
	m.Authoritative = a.own
	m.Answer = a.records
	if a.soa != nil && !answers(a.records, q) {
		m.Ns = []dns.RR{a.soa}
	}
	if o := r.IsEdns0(); o != nil {
		m.SetEdns0(dns.DefaultMsgSize, false)
	}
	return m
}

// answers tells whether some records are what was asked for, and not only the way there.
func answers(records []dns.RR, q question) bool {
	return len(records) > 0 && (q.kind == dns.TypeANY || records[len(records)-1].Header().Rrtype == q.kind)
}

// Bounds of what a neighbour may ask on one connection.
const (
	mostQuestions = 16
	silence       = 10 * time.Second
)

// Neighbour answers another student's name server, for the own domain alone, and closes the connection.
func (s *Server) Neighbour(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	stream := &dns.Conn{Conn: conn}
	for range mostQuestions {
		_ = conn.SetDeadline(time.Now().Add(silence))
		r, err := stream.ReadMsg()
		if err != nil {
			return
		}
		if !s.late(ctx) {
			return
		}
		_ = conn.SetDeadline(time.Now().Add(silence))
		m := s.reply(ctx, r, func(ctx context.Context, q question) answer {
			if !dns.IsSubDomain(dns.CanonicalName(s.cfg.Domain), q.name) {
				return answer{code: dns.RcodeRefused}
			}
			return s.authority(ctx, q)
		})
		if err := stream.WriteMsg(m); err != nil {
			return
		}
	}
}
