package queue

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/mail"
	"maillab/internal/mail/filter"
	"maillab/internal/spec"
)

func filtered(c *Config) {
	c.Filter = func(_ context.Context, m filter.Message) filter.Verdict {
		return filter.Judge(filter.Settings{Host: c.Hostname, Domain: c.Domain, Tagged: 2, Required: 6.31}, m, nil)
	}
}

// TestBehindAFilter sends a message of two lines through a filter. Its header and log are those that Postfix 3.7.11 with
// amavisd-new made of such a message, but for versions and scores.
func TestBehindAFilter(t *testing.T) {
	b := newBench(t, filtered)
	told := b.send(t, "Subject: test\r\n\r\nbonjour\r\n", "util1", "util2")
	again := regexp.MustCompile(`queued as (\w+)\)`).FindStringSubmatch(b.log.text())
	mailID := regexp.MustCompile(`X-Quarantine-ID: <(.{12})>`).FindStringSubmatch(b.spool.read("util2"))
	if again == nil || mailID == nil || again[1] == told {
		t.Fatalf("log:\n%s\nmailbox:\n%s", b.log.text(), b.spool.read("util2"))
	}
	names := strings.NewReplacer(told, "FIRST", again[1], "SECOND", mailID[1], "MAILID", "Sat, 21 Nov 2026 20:25:29 +0000 (UTC)", "DATE")
	_, got, _ := strings.Cut(b.spool.read("util2"), "Delivered-To: util2@local.isri.fr\n")
	if diff := cmp.Diff(`Received: from localhost (localhost [127.0.0.1])
	by test6isri.local.isri.fr (Postfix) with ESMTP id SECOND
	for <util2>; DATE
X-Quarantine-ID: <MAILID>
X-Virus-Scanned: Debian amavisd-new at local.isri.fr
X-Amavis-Alert: BAD HEADER SECTION, Missing required header field: "Date"
X-Spam-Flag: NO
X-Spam-Score: 2.878
X-Spam-Level: **
X-Spam-Status: No, score=2.878 tagged_above=2 required=6.31
 tests=[ALL_TRUSTED=-1, MISSING_DATE=1.36, MISSING_FROM=1,
 MISSING_HEADERS=1.021, MISSING_MID=0.497] autolearn=no
Received: from test6isri.local.isri.fr ([127.0.0.1])
 by localhost (test6isri.local.isri.fr [127.0.0.1]) (amavisd-new, port 10024)
 with LMTP id MAILID for <util2@local.isri.fr>;
 DATE
Received: from pv (unknown [172.17.0.1])
	by test6isri.local.isri.fr (Postfix) with SMTP id FIRST
	for <util2>; DATE
Subject: test
Message-Id: <20261121202529.SECOND@test6isri.local.isri.fr>
Date: DATE
From: util1@local.isri.fr

bonjour

`, names.Replace(got)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	log := regexp.MustCompile(`, \d+ ms`).ReplaceAllString(names.Replace(b.log.text()), ", 0 ms")
	log = regexp.MustCompile(`, delay=[^,]*, delays=[^,]*|size=\d+|size: \d+`).ReplaceAllString(log, "")
	if diff := cmp.Diff(`cleanup: FIRST: message-id=
qmgr: FIRST: from=<util1@local.isri.fr>, , nrcpt=1 (queue active)
smtpd: SECOND: client=localhost[127.0.0.1]
cleanup: SECOND: message-id=<20261121202529.SECOND@test6isri.local.isri.fr>
qmgr: SECOND: from=<util1@local.isri.fr>, , nrcpt=1 (queue active)
local: SECOND: to=<util2@local.isri.fr>, orig_to=<util2>, relay=local, dsn=2.0.0, status=sent (delivered to mailbox)
qmgr: SECOND: removed
amavis: Passed BAD-HEADER-7 {RelayedInbound,Quarantined}, [127.0.0.1] <util1@local.isri.fr> -> <util2@local.isri.fr>, Queue-ID: FIRST, mail_id: MAILID, Hits: 2.878, , queued_as: SECOND, 0 ms
lmtp: FIRST: to=<util2@local.isri.fr>, orig_to=<util2>, relay=127.0.0.1[127.0.0.1]:10024, dsn=2.0.0, status=sent (250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as SECOND)
qmgr: FIRST: removed`, log); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestFilterBeforeAFullQueue: what the queue has no room for is refused to the client, and nobody has it.
func TestFilterBeforeAFullQueue(t *testing.T) {
	b := newBench(t, func(c *Config) {
		filtered(c)
		c.Waiting, c.Share = 1, 1
		c.Outside = []spec.Outside{{Domain: "*", MX: "mx.{domain}", Address: "192.0.2.25"}}
	})
	b.send(t, "Subject: waits\r\n\r\n", "util1", "a@elsewhere.example")
	env := b.envelope("util1", "b@elsewhere.example")
	err := b.Accept(t.Context(), env, strings.NewReader("Subject: too much\r\n\r\n"))
	var refused *mail.Reply
	if !errors.As(err, &refused) || refused.Code != 452 {
		t.Fatalf("%v", err)
	}
	if items := b.List(); len(items) != 1 {
		t.Errorf("%v", items)
	}
	b.log.wait(t, "lmtp: warning: "+env.Told+": the filter's message was not taken back: 452 4.3.1 Insufficient system storage")
	b.log.wait(t, "qmgr: "+env.Told+": removed")
}
