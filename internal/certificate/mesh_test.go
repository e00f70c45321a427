package certificate

import (
	"context"
	"crypto/tls"
	"net"
	"testing"
	"time"
)

// meet is a handshake at the port of a mesh: what the server takes the client for, and what either says against it.
func meet(t *testing.T, server, client *tls.Config) (role string, refused error) {
	t.Helper()
	here, there := net.Pipe()
	defer here.Close()
	defer there.Close()
	at := tls.Server(there, server)
	failed := make(chan error, 1)
	go func() {
		c := tls.Client(here, client)
		err := c.HandshakeContext(t.Context())
		if err == nil {
			_, err = c.Read(make([]byte, 1)) // TLS 1.3: a client hears of its certificate's refusal afterwards
		}
		here.Close()
		failed <- err
	}()
	err := at.HandshakeContext(t.Context())
	if err == nil {
		_, err = at.Write([]byte("x"))
	}
	there.Close()
	if other := <-failed; err == nil {
		err = other
	}
	return Role(at.ConnectionState()), err
}

// TestMesh: a gateway and a controller are known apart, each by the certificate of its role; a controller cannot be a gateway,
// nor can what another authority issued, or this one for something else.
func TestMesh(t *testing.T) {
	set, err := Set{}.RenewedMesh("monday", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	other, err := Set{}.RenewedMesh("monday", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	peer := func(c Credentials) *tls.Config {
		t.Helper()
		config, err := c.Peer()
		if err != nil {
			t.Fatal(err)
		}
		return config
	}
	gateway, controller := peer(set.Credentials(GatewayRole)), peer(set.Credentials(ControllerRole))
	stranger := peer(other.Credentials(GatewayRole))
	mixed := other.Credentials(GatewayRole)
	mixed.CA = set.CA()
	mail := renewed(t, set, map[string][]string{GatewayRole: {GatewayRole}}, time.Now())
	mail.Issued[GatewayRole] = renewed(t, Set{Authority: set.Authority}, map[string][]string{GatewayRole: {GatewayRole}}, time.Now()).Issued[GatewayRole]
	for _, test := range []struct {
		what           string
		server, client *tls.Config
		want           string
		refused        bool
	}{
		{"two gateways", gateway, gateway, GatewayRole, false},
		{"a controller at a gateway", gateway, controller, ControllerRole, false},
		{"a controller that listens", controller, gateway, "", true},
		{"a gateway of another instance", gateway, stranger, "", true},
		{"one that trusts us, but is another's", gateway, peer(mixed), "", true},
		{"a mail server's certificate, by the same name", gateway, peer(mail.Credentials(GatewayRole)), "", true},
	} {
		role, err := meet(t, test.server, test.client)
		if role != test.want && err == nil || (err != nil) != test.refused {
			t.Errorf("%s: it is taken for %q, %v", test.what, role, err)
		}
	}
	if _, err := (Credentials{Certificate: set.Credentials(GatewayRole).Certificate, Key: set.Credentials(GatewayRole).Key}).Peer(); err == nil {
		t.Error("without an authority everybody is trusted")
	}
	again, err := set.RenewedMesh("monday", time.Now())
	if err != nil || again.Issued[GatewayRole] != set.Issued[GatewayRole] {
		t.Errorf("it is issued anew each time: %v", err)
	}
}

// TestControl: a gateway that takes a connection and says nothing is given up, whatever the caller's patience.
func TestControl(t *testing.T) {
	t.Parallel()
	set, err := Set{}.RenewedMesh("monday", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := set.Credentials(ControllerRole).Control(ctx, silent.Addr().String()); err == nil || ctx.Err() != nil {
		t.Error(err)
	}
}
