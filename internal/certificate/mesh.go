package certificate

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"net"
	"time"
)

// Who meets at the port of a mesh of gateways is known by the name in its certificate, which its authority, and no other, has
// issued. All gateways of an instance show the same one: it says what they are, not on which machine.
const (
	GatewayRole    = "gateway"
	ControllerRole = "controller"
)

// What a gateway shows lies in files of these names, all PEM, each of Credentials one.
const (
	MeshCertificate = "mesh.crt"
	MeshKey         = "mesh.key"
	MeshAuthority   = "mesh.ca"
)

// RenewedMesh is Renewed for the set of a mesh: a certificate for each role, with which one can be a client, too.
func (s Set) RenewedMesh(of string, now time.Time) (Set, error) {
	roles := map[string][]string{GatewayRole: {GatewayRole}, ControllerRole: {ControllerRole}}
	return s.renewed(of+"-mesh", roles, now, x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth)
}

// Equal tells whether two sets are the same.
func (s Set) Equal(o Set) bool { return s.Authority == o.Authority && maps.Equal(s.Issued, o.Issued) }

// Credentials are what one shows at the port of a mesh, and whom one trusts there; all PEM.
type Credentials struct{ Certificate, Key, CA []byte }

// Credentials are those of a role, after RenewedMesh.
func (s Set) Credentials(role string) Credentials {
	c := Credentials{CA: s.CA()}
	for rest := []byte(s.Issued[role]); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return c
		}
		if text := pem.EncodeToMemory(block); block.Type == certificateBlock {
			c.Certificate = text
		} else {
			c.Key = text
		}
	}
}

// Peer is the TLS of both ends of a connection at the port of a mesh. The server is a gateway; what the client is, Role tells.
func (c Credentials) Peer() (*tls.Config, error) {
	own, err := tls.X509KeyPair(c.Certificate, c.Key)
	if err != nil {
		return nil, fmt.Errorf("certificate of the mesh: %w", err)
	}
	roots := x509.NewCertPool()
	if len(bytes.TrimSpace(c.CA)) == 0 || !roots.AppendCertsFromPEM(c.CA) {
		return nil, errors.New("authority of the mesh: there is no certificate in it")
	}
	return &tls.Config{
		Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS13,
		RootCAs: roots, ServerName: GatewayRole,
		ClientCAs: roots, ClientAuth: tls.RequireAndVerifyClientCert,
	}, nil
}

// ControlProtocol is what a controller speaks with a gateway there, told apart by ALPN (design.md, Several machines).
const ControlProtocol = "maillab-control"

// Shake bounds a handshake there, of either end.
const Shake = 5 * time.Second

// Control connects a controller to a gateway: a stream as `gateway stream` gives one.
func (c Credentials) Control(ctx context.Context, address string) (net.Conn, error) {
	config, err := c.Peer()
	if err != nil {
		return nil, err
	}
	config.NextProtos = []string{ControlProtocol}
	conn, err := (&tls.Dialer{NetDialer: &net.Dialer{Timeout: Shake}, Config: config}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("gateway at %s: %w", address, err)
	}
	return conn, nil
}

// Role is what a client may do, "" when it may do nothing.
func Role(state tls.ConnectionState) string {
	if len(state.PeerCertificates) == 0 {
		return ""
	}
	for _, role := range []string{GatewayRole, ControllerRole} {
		if state.PeerCertificates[0].VerifyHostname(role) == nil {
			return role
		}
	}
	return ""
}
