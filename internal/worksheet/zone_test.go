package worksheet

import (
	"bytes"
	"context"
	"net/netip"
	"strings"
	"testing"

	"maillab/internal/zone"
)

// Domain implements Desk.
func (d *desk) Domain(context.Context) (zone.Report, error) {
	if d.zone == "none" {
		return zone.Report{}, ErrNoDomain
	}
	r := zone.Report{Domain: "alice.lab", Given: d.zone == ""}
	text := []byte(d.zone)
	if r.Given {
		text = zone.Given(r.Domain, "mx.alice.lab", netip.MustParseAddr("198.18.0.1"))
	}
	z, problems := zone.Parse(zone.New(r.Domain, "mx.alice.lab"), text)
	r.Problems = problems
	for _, record := range z.Records {
		r.Records = append(r.Records, record.String())
	}
	return r, nil
}

// TestZone: what a student is told of the own domain, in both languages.
func TestZone(t *testing.T) {
	for _, lang := range []string{"fr", "en"} {
		var all bytes.Buffer
		for _, c := range []struct {
			zone, args string
			code       int
		}{
			{"", "zone", 0},
			{"@ MX 10 mx.bob.lab.\n@ TXT \"v=spf1 -all\"\n", "zone check", 0},
			{"@ MX mx\nmx.bob.lab. A 198.18.0.1\n", "zone check", 1},
			{"none", "zone", 1},
			{"", "zone mend", 2},
		} {
			socket := serve(t, &desk{who: Student{"alice", lang}, zone: c.zone})
			var out, errs bytes.Buffer
			env := Env{Out: &out, Err: &errs, Getenv: func(name string) string {
				return map[string]string{"MAILLAB_SOCKET": socket, "LANG": lang + "_XX.UTF-8"}[name]
			}}
			if code := Main(t.Context(), strings.Fields(c.args), env); code != c.code {
				t.Errorf("lab %s: exit code %d, want %d", c.args, code, c.code)
			}
			all.WriteString("$ lab " + c.args + "\n" + out.String() + errs.String())
		}
		golden(t, "zone."+lang+".txt", all.String())
	}
}
