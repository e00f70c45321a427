package queue

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/spec"
)

func TestComplete(t *testing.T) {
	for typed, want := range map[string]string{
		"":                                  "",
		"util1":                             "util1@local.isri.fr",
		"UTIL1@Local.ISRI.fr":               "UTIL1@Local.ISRI.fr",
		"@a,@b:util1@local.isri.fr":         "util1@local.isri.fr",
		"@[IPv6:::1]:util1":                 "util1@local.isri.fr",
		"util1%example.com":                 "util1@example.com",
		"host!util1":                        "util1@host",
		"util1@example.com.":                "util1@example.com",
		"util1@[127.0.0.1]":                 "util1@[127.0.0.1]",
		`"a@b"`:                             `"a@b"@local.isri.fr`,
		`"util1%x"`:                         `"util1%x"@local.isri.fr`,
		"util1%autre.example@local.isri.fr": "util1%autre.example@local.isri.fr",
		"%":                                 "%@local.isri.fr",
		"util1@":                            "util1@local.isri.fr",
		"0%@@":                              "0@local.isri.fr",
		"président@u-picardie.fr":           "président@u-picardie.fr",
	} {
		if got := complete(typed, "local.isri.fr"); got != want {
			t.Errorf("%q: got %q, want %q", typed, got, want)
		}
	}
}

func TestCheck(t *testing.T) {
	b := newBench(t, func(c *Config) {
		c.Routes = []spec.Route{{To: "liste@local.isri.fr", Via: "127.0.0.1:2525"}}
	})
	for typed, want := range map[string]Verdict{
		"util1": Accepted, "UTIL1@LOCAL.ISRI.FR": Accepted, "util1@u-picardie.fr": Accepted, "president": Accepted,
		"President@u-picardie.fr": Accepted, "president@localhost": Accepted, `"util1"@local.isri.fr`: Accepted,
		"inconnu": Unknown, "inconnu@u-picardie.fr": Unknown, "util1@[127.0.0.1]": Accepted, "util1@[IPv6:::1]": Accepted,
		"util1+tag": Accepted, "UTIL1+Tag@local.isri.fr": Accepted, "util1+": Accepted, "+tag": Unknown, "inconnu+tag": Unknown,
		"president+x": Accepted, "postmaster+x": Accepted, "liste+x": Accepted, "util1@@local.isri.fr": Malformed,
		`"util1@"@local.isri.fr`: Malformed, "util1%@local.isri.fr": Malformed, "util1@@example.org": Denied,
		"util1@[192.0.2.1]": Denied, "util20": Unknown, "util1@u-picardie.fr.evil.example": Denied,
		"postmaster": Accepted, "MAILER-DAEMON@local.isri.fr": Accepted, "abuse@u-picardie.fr": Accepted,
		"quelquun@example.com": Accepted, "quelquun@EXAMPLE.com": Accepted, "quelquun@sub.example.com": Denied,
		"util1%example.com@local.isri.fr": Accepted, "util1%autre.example@local.isri.fr": Denied,
		"util1%local.isri.fr@u-picardie.fr": Accepted, "a%b%c%local.isri.fr": Denied,
		"LISTE@local.isri.fr": Accepted, "liste": Accepted, "liste@u-picardie.fr": Unknown,
	} {
		if got, address := b.Check(typed); got != want {
			t.Errorf("%q (%s): got %v, want %v", typed, address, got, want)
		}
	}
}

func TestWhoTakesTheRest(t *testing.T) {
	star := spec.Outside{Domain: "*", MX: "mx.{domain}", Address: "192.0.2.25"}
	named := spec.Outside{Domain: "example.com", MX: "mail.example.com", Address: "192.0.2.26"}
	for _, c := range []struct {
		relay   string
		outside []spec.Outside
		want    server
	}{
		{"", []spec.Outside{star}, server{name: "mx.example.com", dial: "192.0.2.25:25"}},
		{"", []spec.Outside{star, named}, server{name: "mail.example.com", dial: "192.0.2.26:25"}},
		{"relay.fac.fr", []spec.Outside{star}, server{name: "relay.fac.fr", dial: "relay.fac.fr:25", tls: true}},
		{"relay.fac.fr:587", []spec.Outside{star, named}, server{name: "mail.example.com", dial: "192.0.2.26:25"}},
		{"[::1]:2500", nil, server{name: "::1", dial: "[::1]:2500", tls: true}},
		{"[relay.fac.fr]", nil, server{name: "relay.fac.fr", dial: "relay.fac.fr:25", tls: true}},
	} {
		b := newBench(t, func(cfg *Config) { cfg.Relay, cfg.Outside = c.relay, c.outside })
		if got := b.resolve("a@example.com"); got.kind != toServer || got.server != c.want {
			t.Errorf("%q %v: got %+v, want %+v", c.relay, c.outside, got.server, c.want)
		}
	}
}

func TestParseForward(t *testing.T) {
	for _, c := range []struct {
		text     string
		want     []ForwardTarget
		problems int
	}{
		{"", nil, 0},
		{"util2\n", []ForwardTarget{{Address: "util2"}}, 0},
		{"\\util1, util2@x.fr # not a comment here\n", []ForwardTarget{{Address: "util1", Mailbox: true}}, 1},
		{"# a comment, with a comma\r\nutil3\r\n", []ForwardTarget{{Address: "util3"}}, 0},
		{"Bob <bob@x.fr>, \"Last, First\" <c@d.fr>", []ForwardTarget{{Address: "bob@x.fr"}, {Address: "c@d.fr"}}, 0},
		{`"util4"`, []ForwardTarget{{Address: "util4"}}, 0},
		{`"a b"@x.fr`, []ForwardTarget{{Address: `"a b"@x.fr`}}, 0},
		{"|/usr/bin/vacation\n\"|prog arg\"\n/var/mail/x\n:include:/etc/passwd\nutil5", []ForwardTarget{{Address: "util5"}}, 4},
		{",,, ,\n", nil, 0},
		{`\`, nil, 1},
		{strings.Repeat("a,", 100), nil, 1},
	} {
		got, problems := ParseForward([]byte(c.text))
		if c.want == nil && len(got) == forwardLimit {
			got = nil
		}
		if diff := cmp.Diff(c.want, got); diff != "" || len(problems) != c.problems {
			t.Errorf("%q: %d problems %q, -want +got:\n%s", c.text, len(problems), problems, diff)
		}
	}
}

func TestAddresses(t *testing.T) {
	for list, want := range map[string][]string{
		"":                                    nil,
		"util2, Bob <util3>":                  {"util2", "util3"},
		`"Last, First" <a@b>, (c, d) e@f (g)`: {"a@b", "e@f"},
		"undisclosed-recipients:;":            nil,
		"friends: a@b, c@d;, e":               {"a@b", "c@d", "e"},
		"two words":                           nil,
		"<>":                                  nil,
		"a@[IPv6:::1], b":                     {"a@[IPv6:::1]", "b"},
		"a,\n b":                              {"a", "b"},
	} {
		if diff := cmp.Diff(want, Addresses(list)); diff != "" {
			t.Errorf("%q: -want +got:\n%s", list, diff)
		}
	}
}

func TestCompleteField(t *testing.T) {
	for field, want := range map[string]string{
		"To: util2":                    "To: util2@d",
		"To: util2, Bob <util3>":       "To: util2@d, Bob <util3@d>",
		"Cc: (x) util5@local":          "Cc: (x) util5@local",
		"From: util1 (Jean, dit J)":    "From: util1@d (Jean, dit J)",
		"To: a,\n\tb":                  "To: a@d,\n\tb@d",
		"To: friends: a, b;":           "To: friends: a@d, b@d;",
		"To: undisclosed-recipients:;": "To: undisclosed-recipients:;",
		"To: not an address":           "To: not an address",
		"To: <>":                       "To: <>",
		"To:":                          "To:",
		"Subject: util1":               "Subject: util1",
		"To:util14":                    "To: util14@d",
		"To:util14@d":                  "To:util14@d",
		"Cc:  util15 , Bob<util3>":     "Cc: util15@d, Bob <util3@d>",
		"From:   util1 (me)":           "From: util1@d (me)",
		"To: util14,util15":            "To: util14@d, util15@d",
		`To: "a, b" <c>, "d"`:          `To: "a, b" <c@d>, "d"`,
	} {
		name, _, _ := strings.Cut(strings.ToLower(field), ":")
		if got := completeField(name, field, "d"); got != want {
			t.Errorf("%q: got %q, want %q", field, got, want)
		}
	}
}
