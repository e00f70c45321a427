package deploy

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"maillab/internal/spec"

	"github.com/google/go-cmp/cmp"
)

// TestRelays finds addresses for names, each once, and says which relay has none.
func TestRelays(t *testing.T) {
	asked := 0
	find := func(_ context.Context, _, host string) ([]netip.Addr, error) {
		if asked++; host != "smtp.example" {
			return nil, errors.New("no such host")
		}
		return []netip.Addr{netip.MustParseAddr("192.0.2.9"), netip.MustParseAddr("192.0.2.7")}, nil
	}
	with := func(relays ...string) (all []spec.Sandbox) {
		for _, r := range relays {
			all = append(all, spec.Sandbox{Services: spec.Services{SMTP: &spec.SMTP{Relay: r}}})
		}
		return append(all, spec.Sandbox{})
	}
	got, err := relays(t.Context(), with("reject", "smtp.example", "smtp.example", "smtp.example:587", "192.0.2.1", "192.0.2.1:2525"), find)
	if err != nil || asked != 2 {
		t.Fatalf("%v, asked %d times", err, asked)
	}
	texts := map[string]string{}
	for relay, at := range got {
		texts[relay] = at.String()
	}
	want := map[string]string{"smtp.example": "192.0.2.7:25", "smtp.example:587": "192.0.2.7:587", "192.0.2.1": "192.0.2.1:25", "192.0.2.1:2525": "192.0.2.1:2525"}
	if diff := cmp.Diff(want, texts); diff != "" {
		t.Error(diff)
	}
	_, err = relays(t.Context(), with("gone.example"), find)
	if err == nil || !strings.Contains(err.Error(), "services.smtp.relay: gone.example: ") || !strings.Contains(err.Error(), "no such host") {
		t.Error(err)
	}
}
