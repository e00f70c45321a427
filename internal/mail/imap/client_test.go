package imap_test

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	goimap "github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/google/go-cmp/cmp"

	"maillab/internal/mail/imap"
)

// client connects go-imap's client, in which every response goes through somebody else's parser.
func client(t *testing.T, s *imap.Server, o *imapclient.Options) *imapclient.Client {
	t.Helper()
	c := imapclient.New(dial(t, s), o)
	t.Cleanup(func() { c.Close() })
	if err := c.WaitGreeting(); err != nil {
		t.Fatal(err)
	}
	if err := c.Login("util1", "master2021").Wait(); err != nil {
		t.Fatal(err)
	}
	return c
}

const mixed = "From: \"Dupont, Jean\" <jean@x.fr>\r\nTo: grp: a@b.c, d@e.f;\r\nSubject: =?utf-8?q?=C3=A9t=C3=A9?=\r\n" +
	"Date: Mon, 1 Jan 2024 10:00:00 +0100\r\nMessage-ID: <m1@x>\r\nIn-Reply-To: <m0@x>\r\n" +
	"Content-Type: multipart/mixed; boundary=outer\r\n\r\npreamble\r\n" +
	"--outer\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=E9t=E9 au soleil\r\n" +
	"--outer\r\nContent-Type: message/rfc822\r\n\r\nSubject: inside\r\n\r\nbody inside\r\n" +
	"--outer\r\nContent-Type: image/png; name=\"x y.png\"\r\nContent-Transfer-Encoding: base64\r\n" +
	"Content-Disposition: attachment; filename=\"x y.png\"\r\n\r\nAAECAw==\r\n--outer--\r\n"

// TestClient goes through what a client does, in both wordings.
func TestClient(t *testing.T) {
	for wording, prefix := range map[string]string{"courier": "INBOX.", "dovecot": ""} {
		t.Run(wording, func(t *testing.T) {
			_, server := start(t, wording)
			c := client(t, server, nil)
			testFolders(t, c, prefix)
			uid := testAppend(t, c, prefix+"Sent")
			testFetch(t, c, uid)
			testSearch(t, c, uid)
			testStoreAndMove(t, c, prefix, uid)
			if err := c.Logout().Wait(); err != nil {
				t.Error(err)
			}
		})
	}
}

func testFolders(t *testing.T, c *imapclient.Client, prefix string) {
	t.Helper()
	for _, name := range []string{"Sent", "Été"} {
		if err := c.Create(prefix+name, nil).Wait(); err != nil {
			t.Error(err)
		}
	}
	if err := c.Subscribe(prefix + "Sent").Wait(); err != nil {
		t.Error(err)
	}
	boxes, err := c.List("", "*", &goimap.ListOptions{
		ReturnSubscribed: true, ReturnSpecialUse: true, ReturnStatus: &goimap.StatusOptions{NumMessages: true, UIDNext: true},
	}).Collect()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, b := range boxes {
		got = append(got, fmt.Sprint(b.Mailbox, *b.Status.NumMessages, b.Status.UIDNext,
			slices.Contains(b.Attrs, goimap.MailboxAttrSubscribed), slices.Contains(b.Attrs, goimap.MailboxAttrSent)))
	}
	slices.Sort(got)
	want := []string{"INBOX" + "2 3 false false", prefix + "Sent" + "0 1 true true", prefix + "Été" + "0 1 false false"}
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	ns, err := c.Namespace().Wait()
	if err != nil || len(ns.Personal) != 1 || ns.Personal[0].Prefix != prefix {
		t.Errorf("%+v, %v", ns, err)
	}
	quota, err := c.GetQuotaRoot("INBOX").Wait()
	if err != nil || len(quota) != 1 || quota[0].Resources[goimap.QuotaResourceStorage].Limit != 65536 {
		t.Errorf("%+v, %v", quota, err)
	}
	rights, err := c.MyRights("INBOX").Wait()
	if err != nil || rights.Rights.String() != "acdilrsw" {
		t.Errorf("%+v, %v", rights, err)
	}
	if _, err := c.ID(&goimap.IDData{Name: "test"}).Wait(); err != nil {
		t.Error(err)
	}
	if _, err := c.Enable(goimap.CapUTF8Accept).Wait(); err != nil {
		t.Error(err)
	}
	if _, err := c.Select(prefix+"Été", nil).Wait(); err != nil {
		t.Error(err)
	}
}

func testAppend(t *testing.T, c *imapclient.Client, box string) goimap.UID {
	t.Helper()
	date := time.Date(2025, 12, 31, 23, 59, 0, 0, time.FixedZone("", 3600))
	cmd := c.Append(box, int64(len(mixed)), &goimap.AppendOptions{Flags: []goimap.Flag{goimap.FlagSeen, "work"}, Time: date})
	if _, err := io.WriteString(cmd, mixed); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := cmd.Wait()
	if err != nil {
		t.Fatal(err)
	}
	selected, err := c.Select(box, &goimap.SelectOptions{CondStore: true}).Wait()
	if err != nil || selected.NumMessages != 1 || selected.HighestModSeq == 0 || selected.UIDValidity != data.UIDValidity {
		t.Fatalf("%+v, %v", selected, err)
	}
	return data.UID
}

func testFetch(t *testing.T, c *imapclient.Client, uid goimap.UID) {
	t.Helper()
	part := &goimap.FetchItemBodySection{Part: []int{1}, Peek: true}
	inner := &goimap.FetchItemBodySection{Part: []int{2}, Specifier: goimap.PartSpecifierHeader, Peek: true}
	fields := &goimap.FetchItemBodySection{Specifier: goimap.PartSpecifierHeader, HeaderFields: []string{"subject", "X-None"}, Peek: true}
	some := &goimap.FetchItemBodySection{Partial: &goimap.SectionPartial{Offset: 6, Size: 8}, Peek: true}
	binary := &goimap.FetchItemBinarySection{Part: []int{3}, Peek: true}
	msgs, err := c.Fetch(goimap.UIDSetNum(uid), &goimap.FetchOptions{
		UID: true, Flags: true, InternalDate: true, RFC822Size: true, Envelope: true, ModSeq: true,
		BodyStructure: &goimap.FetchItemBodyStructure{Extended: true},
		BodySection:   []*goimap.FetchItemBodySection{part, inner, fields, some},
		BinarySection: []*goimap.FetchItemBinarySection{binary},
	}).Collect()
	if err != nil || len(msgs) != 1 {
		t.Fatalf("%+v, %v", msgs, err)
	}
	m := msgs[0]
	var structure []string
	m.BodyStructure.Walk(func(path []int, part goimap.BodyStructure) bool {
		structure = append(structure, fmt.Sprint(path, " ", part.MediaType()))
		return true
	})
	got := map[string]any{
		"size": m.RFC822Size, "flags": fmt.Sprint(m.Flags), "date": m.InternalDate.Format(time.RFC3339),
		"subject": m.Envelope.Subject, "from": m.Envelope.From[0].Addr(), "name": m.Envelope.From[0].Name, "to": len(m.Envelope.To),
		"reply": fmt.Sprint(m.Envelope.InReplyTo), "structure": structure,
		"part": string(m.FindBodySection(part)), "inner": string(m.FindBodySection(inner)),
		"fields": string(m.FindBodySection(fields)), "some": string(m.FindBodySection(some)),
		"binary": string(m.FindBinarySection(binary)),
	}
	want := map[string]any{
		"size": int64(len(mixed)), "flags": "[\\Seen work]", "date": "2025-12-31T23:59:00+01:00",
		"subject": "été", "from": "jean@x.fr", "name": "Dupont, Jean", "to": 4,
		"reply":     "[m0@x]",
		"structure": []string{"[] multipart/mixed", "[1] text/plain", "[2] message/rfc822", "[3] image/png"},
		"part":      "=E9t=E9 au soleil", "inner": "Subject: inside\r\n\r\n",
		"fields": "Subject: =?utf-8?q?=C3=A9t=C3=A9?=\r\n\r\n", "some": mixed[6:14],
		"binary": "\x00\x01\x02\x03",
	}
	if strings.Contains(fmt.Sprint(m.Flags), "Recent") {
		want["flags"] = "[\\Seen \\Recent work]"
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func testSearch(t *testing.T, c *imapclient.Client, uid goimap.UID) {
	t.Helper()
	hour := func(n int) time.Time { return time.Date(2025, 12, n, 0, 0, 0, 0, time.UTC) }
	for name, criteria := range map[string]*goimap.SearchCriteria{
		"body":    {Body: []string{"ÉTÉ au"}},
		"text":    {Text: []string{"body INSIDE"}},
		"subject": {Header: []goimap.SearchCriteriaHeaderField{{Key: "Subject", Value: "Été"}}},
		"header":  {Header: []goimap.SearchCriteriaHeaderField{{Key: "Message-ID"}}},
		"since":   {Since: hour(31), Before: hour(32)},
		"sent":    {SentSince: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), SentBefore: time.Date(2024, 1, 2, 0, 0, 0, 0, time.UTC)},
		"larger":  {Larger: int64(len(mixed)) - 1, Smaller: int64(len(mixed)) + 1},
		"flag":    {Flag: []goimap.Flag{goimap.FlagSeen, "WORK"}, NotFlag: []goimap.Flag{goimap.FlagDeleted}},
		"uid":     {UID: []goimap.UIDSet{goimap.UIDSetNum(uid)}},
		"not":     {Not: []goimap.SearchCriteria{{Body: []string{"absent"}}}},
		"or":      {Or: [][2]goimap.SearchCriteria{{{Body: []string{"absent"}}, {Text: []string{"jean@X.FR"}}}}},
	} {
		found, err := c.UIDSearch(criteria, nil).Wait()
		if err != nil || !slices.Equal(found.AllUIDs(), []goimap.UID{uid}) {
			t.Errorf("%s: %+v, %v", name, found, err)
		}
	}
	for name, criteria := range map[string]*goimap.SearchCriteria{
		"encoded":  {Body: []string{"=E9t"}},
		"base64":   {Body: []string{"AAECAw"}},
		"preamble": {Body: []string{"preamble"}},
		"flag":     {Flag: []goimap.Flag{goimap.FlagDraft}},
		"before":   {Before: hour(31)},
	} {
		if found, err := c.Search(criteria, nil).Wait(); err != nil || len(found.AllSeqNums()) > 0 {
			t.Errorf("%s: %+v, %v", name, found, err)
		}
	}
	data, err := c.Search(&goimap.SearchCriteria{}, &goimap.SearchOptions{ReturnMin: true, ReturnCount: true}).Wait()
	if err != nil || data.Min != 1 || data.Count != 1 {
		t.Errorf("%+v, %v", data, err)
	}
	sorted, err := c.Sort(&imapclient.SortOptions{
		SearchCriteria: &goimap.SearchCriteria{}, SortCriteria: []imapclient.SortCriterion{{Key: imapclient.SortKeyDate}},
	}).Wait()
	if err != nil || !slices.Equal(sorted, []uint32{1}) {
		t.Errorf("%v, %v", sorted, err)
	}
	threads, err := c.Thread(&imapclient.ThreadOptions{Algorithm: goimap.ThreadReferences, SearchCriteria: &goimap.SearchCriteria{}}).Wait()
	if err != nil || len(threads) != 1 || !slices.Equal(threads[0].Chain, []uint32{1}) {
		t.Errorf("%v, %v", threads, err)
	}
}

func testStoreAndMove(t *testing.T, c *imapclient.Client, prefix string, uid goimap.UID) {
	t.Helper()
	set := goimap.UIDSetNum(uid)
	msgs, err := c.Store(set, &goimap.StoreFlags{Op: goimap.StoreFlagsAdd, Flags: []goimap.Flag{goimap.FlagFlagged}}, nil).Collect()
	if err != nil || len(msgs) != 1 || !slices.Contains(msgs[0].Flags, goimap.FlagFlagged) {
		t.Errorf("%+v, %v", msgs, err)
	}
	copied, err := c.Copy(set, "INBOX").Wait()
	if err != nil || copied.DestUIDs.String() != "3" {
		t.Errorf("%+v, %v", copied, err)
	}
	moved, err := c.Move(set, prefix+"Été").Wait()
	if err != nil || moved.DestUIDs.String() != "1" {
		t.Errorf("%+v, %v", moved, err)
	}
	if n := c.Mailbox().NumMessages; n != 0 {
		t.Errorf("%d messages after MOVE", n)
	}
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	deleted := &goimap.StoreFlags{Op: goimap.StoreFlagsAdd, Flags: []goimap.Flag{goimap.FlagDeleted}, Silent: true}
	if err := c.Store(goimap.SeqSetNum(1, 3), deleted, nil).Close(); err != nil {
		t.Error(err)
	}
	gone, err := c.UIDExpunge(goimap.UIDSetNum(3)).Collect()
	if err != nil || !slices.Equal(gone, []uint32{3}) {
		t.Errorf("%v, %v", gone, err)
	}
	if gone, err = c.Expunge().Collect(); err != nil || !slices.Equal(gone, []uint32{1}) {
		t.Errorf("%v, %v", gone, err)
	}
}

// TestClientIdle: go-imap's client sees what another session does.
func TestClientIdle(t *testing.T) {
	backend, server := start(t, "dovecot")
	counts := make(chan uint32, 10)
	c := client(t, server, &imapclient.Options{UnilateralDataHandler: &imapclient.UnilateralDataHandler{
		Mailbox: func(data *imapclient.UnilateralDataMailbox) {
			if data.NumMessages != nil {
				counts <- *data.NumMessages
			}
		},
	}})
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	idle, err := c.Idle()
	if err != nil {
		t.Fatal(err)
	}
	backend.Deliver("util1", "INBOX", time.Now(), "\nx\n")
	if n := <-counts; n != 3 {
		t.Errorf("%d messages", n)
	}
	if err := idle.Close(); err != nil {
		t.Error(err)
	}
	if err := idle.Wait(); err != nil {
		t.Error(err)
	}
}
