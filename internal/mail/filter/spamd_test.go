package filter

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// spamd answers one question, and tells what was asked.
func spamd(t *testing.T, answer string) (conn net.Conn, asked <-chan string) {
	t.Helper()
	here, there := net.Pipe()
	t.Cleanup(func() { here.Close(); there.Close() })
	heard := make(chan string, 1)
	go func() {
		in := bufio.NewReader(there)
		first, _ := in.ReadString('\n')
		length, _ := in.ReadString('\n')
		_, _ = in.ReadString('\n')
		n, _ := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(length, "Content-length:")))
		text := make([]byte, n)
		_, _ = io.ReadFull(in, text)
		_, _ = io.WriteString(there, answer)
		there.Close()
		heard <- first + string(text)
	}()
	return here, heard
}

// said is a report as SpamAssassin 4.0.1 writes it with the image's configuration.
const said = "SPAMD/1.1 0 EX_OK\r\nContent-length: 180\r\nSpam: False ; 2.9 / 5.0\r\n\r\n" +
	"VERSION SpamAssassin 4.0.1 (2024-03-26) on filter\n" +
	"TESTS MISSING_MID=0.14,ALL_TRUSTED=-1,MISSING_DATE=1.396\n" +
	"\n*  1.4 MISSING_DATE Missing Date: header\n* -1.0 ALL_TRUSTED Passed through trusted hosts only via SMTP\n*  0.1 MISSING_MID Missing Message-Id: header\n"

// TestConsult: a message is given to spamd as spamc does, and its points stand in the header in amavisd-new's form, with its own report and
// version below, and what this server found out of the sender beside them.
func TestConsult(t *testing.T) {
	conn, asked := spamd(t, said)
	m := message("PV", "pv", "Subject: test\n\nbonjour\n")
	m.Text = append([]byte("Authentication-Results: mx; spf=pass smtp.mailfrom=alice.lab\n"), m.Text...)
	v := Judge(Settings{Tagged: -999, Required: 6.31}, m, func(text []byte) (Opinion, error) { return Consult(conn, text) })
	want := "X-Spam-Score: 0.535\n" +
		"X-Spam-Status: No, score=0.535 tagged_above=-999 required=6.31\n tests=[ALL_TRUSTED=-1, MISSING_DATE=1.396, MISSING_MID=0.14, SPF_PASS=-0.001]\n autolearn=no\n" +
		"X-Spam-Report: *  1.4 MISSING_DATE Missing Date: header\n\t* -1.0 ALL_TRUSTED Passed through trusted hosts only via SMTP\n\t*  0.1 MISSING_MID Missing Message-Id: header\n" +
		"X-Spam-Checker-Version: SpamAssassin 4.0.1 (2024-03-26) on filter"
	if got := strings.Join(v.Header(), "\n"); v.Unscored != nil || !strings.Contains(got, want) {
		t.Errorf("%v\n%s\nwant\n%s", v.Unscored, got, want)
	}
	if diff := cmp.Diff("REPORT SPAMC/1.5\r\n"+strings.ReplaceAll(string(m.Text), "\n", "\r\n"), <-asked); diff != "" {
		t.Error(diff)
	}
}

// TestLongMessage: of what is long the beginning is judged.
func TestLongMessage(t *testing.T) {
	conn, asked := spamd(t, said)
	if _, err := Consult(conn, []byte(strings.Repeat("x", maxAsked+1))); err != nil {
		t.Error(err)
	}
	if text := <-asked; len(text) != len("REPORT SPAMC/1.5\r\n")+maxAsked {
		t.Errorf("%d octets were asked of", len(text))
	}
}

// TestUnscored: what nobody judged goes on without points, and with what is wrong with its header all the same.
func TestUnscored(t *testing.T) {
	for _, answer := range []string{"", "SPAMD/1.5 76 Bad header line\r\n", "HTTP/1.1 200 OK\r\n\r\n", said[:60], strings.Replace(said, "TESTS", "TEXTS", 1),
		strings.Replace(said, "=1.396", "=many", 1), strings.Replace(said, "MISSING_DATE=", "=", 1)} {
		conn, _ := spamd(t, answer)
		v := Judge(school, message("PV", "pv", "Subject: test\n\n"+gtube+"\n"), func(text []byte) (Opinion, error) { return Consult(conn, text) })
		header := strings.Join(v.Header(), "\n")
		if v.Unscored == nil || v.Spam() || v.Category() != "BAD-HEADER-7" || strings.Contains(header, "X-Spam") || !strings.Contains(header, "X-Amavis-Alert: BAD HEADER") {
			t.Errorf("%q: %v, %s\n%s", answer, v.Unscored, v.Category(), header)
		}
		if log := v.Log("A", "", "B", 1, 0); !strings.Contains(log, ", Hits: -, ") {
			t.Errorf("%q: %s", answer, log)
		}
	}
	away := errors.New("away")
	if v := Judge(school, message("PV", "pv", whole), func([]byte) (Opinion, error) { return Opinion{}, away }); v.Unscored != away || v.Category() != "CLEAN" {
		t.Errorf("%v %s", v.Unscored, v.Category())
	}
}

// FuzzConsult: whatever a spamd answers, no line of the message's header is anything but the filter's.
func FuzzConsult(f *testing.F) {
	f.Add(said)
	f.Add("SPAMD/1.5 0 EX_OK\r\n\r\nTESTS A=1\r\n* x\r\nVERSION \x00\xff\n")
	f.Fuzz(func(t *testing.T, answer string) {
		o, err := answered(bufio.NewReader(strings.NewReader(answer)))
		if err != nil {
			return
		}
		v := Judge(Settings{Tagged: -1e9, Required: 6}, message("pv", "pv", whole), func([]byte) (Opinion, error) { return o, nil })
		for _, field := range v.Header() {
			for _, line := range strings.Split(field, "\n")[1:] {
				if !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "\t") || strings.TrimSpace(line) == "" || strings.ContainsAny(line, "\r\x00") {
					t.Errorf("a line of %q is no continuation", field)
				}
			}
		}
	})
}
