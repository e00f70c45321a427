package imap_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"maillab/internal/mail"
	"maillab/internal/mail/dialoguetest"
	"maillab/internal/mail/imap"
	"maillab/internal/mail/imap/imaptest"
)

// normalise takes out what the reference's README says varies.
func normalise(line string) string {
	for _, r := range []struct{ pattern, with string }{
		{`\[CAPABILITY [^]]*\].*ready\..*$`, `[CAPABILITY …] ready.`},
		{`CAPABILITY [^]]*`, `CAPABILITY …`},
		{` \([\d.]+ \+ [\d.]+( \+ [\d.]+)? secs\)\.$`, `.`},
		{`NIL \(\("#shared\." "\."\)\("shared\." "\."\)\)$`, `NIL NIL`},
		{`UIDVALIDITY \d+`, `UIDVALIDITY …`},
		{`HIGHESTMODSEQ \d+`, `HIGHESTMODSEQ …`},
		{`COPYUID \d+`, `COPYUID …`},
		{`\\NoInferiors \\Marked`, `\Marked \HasNoChildren`}, // in our layout a mailbox can have others below it
		{`INTERNALDATE "[^"]+"`, `INTERNALDATE "…"`},
		{`Courier-IMAP server|IMAP server`, `server`},
	} {
		line = regexp.MustCompile(r.pattern).ReplaceAllString(line, r.with)
	}
	return line
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// start makes a server in one wording, with util1's mailbox as the captures of that wording had it.
func start(t *testing.T, wording string) (*imaptest.Memory, *imap.Server) {
	t.Helper()
	backend := imaptest.New()
	backend.AddUser("util1", "master2021", 64<<20)
	date := time.Date(2026, 11, 21, 20, 26, 21, 0, time.UTC)
	if wording == "courier" {
		text := read(t, "testdata/courier/start.eml")
		backend.Deliver("util1", "INBOX", date, text)
		backend.Deliver("util1", "INBOX", date, text)
	} else {
		for _, m := range regexp.MustCompile(`(?m)^From .*\n`).Split(read(t, "testdata/dovecot/start.mbox"), -1)[1:] {
			backend.Deliver("util1", "INBOX", date, strings.TrimSuffix(m, "\n"))
		}
	}
	return backend, imap.New(imap.Config{Wording: wording}, backend)
}

// dial opens a connection to a server over a pipe.
func dial(t *testing.T, s *imap.Server) net.Conn {
	t.Helper()
	client, server := net.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.ServeConn(ctx, server)
	}()
	t.Cleanup(func() {
		client.Close()
		cancel()
		<-done
	})
	return client
}

// TestReference plays what Courier and Dovecot answered to the same lines.
func TestReference(t *testing.T) {
	for _, wording := range []string{"courier", "dovecot"} {
		files, err := filepath.Glob("testdata/" + wording + "/0*.txt")
		if err != nil || len(files) < 3 {
			t.Fatalf("%d dialogues, %v", len(files), err)
		}
		for _, file := range files {
			t.Run(wording+"/"+filepath.Base(file), func(t *testing.T) {
				_, server := start(t, wording)
				dialoguetest.Play(t, file, dial(t, server), normalise)
			})
		}
	}
}

// TestSeed plays the lab sheet's own dialogue, which wins over the captures.
func TestSeed(t *testing.T) {
	backend := imaptest.New()
	backend.AddUser("tech", "mdp", 0)
	backend.Deliver("tech", "INBOX", time.Date(2021, 3, 26, 11, 9, 15, 0, time.UTC), read(t, "testdata/courier/seed.eml"))
	// An earlier session has been told of the message.
	user, err := backend.Login(context.Background(), "tech", "mdp", mail.Peer{})
	if err != nil {
		t.Fatal(err)
	}
	box, err := user.Open(context.Background(), "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := box.ClaimRecent(context.Background(), []uint32{1}); err != nil {
		t.Fatal(err)
	}
	server := imap.New(imap.Config{Banner: "Courier-IMAP ready."}, backend)
	dialoguetest.Play(t, "testdata/courier/seed.txt", dial(t, server), normalise)
}
