package snapshot_test

import (
	"archive/tar"
	"bytes"
	"fmt"

	"maillab/internal/snapshot"
)

// An archive is a sandbox's stream with a manifest: what is not as it was written is found before anything is put back.
func ExampleVerify() {
	var stream bytes.Buffer
	out := tar.NewWriter(&stream)
	text := []byte("From util2 Thu Mar 26 11:09:05 2026\nFrom: util2\nSubject: hello\n\nhello\n")
	_ = out.WriteHeader(&tar.Header{Name: "accounts/util1/inbox", Typeflag: tar.TypeReg, Mode: 0o600, Size: int64(len(text))})
	_, _ = out.Write(text)
	_ = out.Close()

	var archive bytes.Buffer
	if _, err := snapshot.Write(&archive, snapshot.Manifest{Lab: "small", Seat: 1, Students: []string{"alice"}}, &stream); err != nil {
		fmt.Println(err)
		return
	}
	m, err := snapshot.Verify(bytes.NewReader(archive.Bytes()))
	fmt.Println(m.Students, m.Files[0].Name, m.Files[0].Size, err)

	content, err := snapshot.Archived(bytes.NewReader(archive.Bytes()))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, change := range snapshot.Diff(nil, content.Messages) {
		fmt.Println(change.Kind, change.Account, change.Box, change.Subject)
	}
	// Output:
	// [alice] accounts/util1/inbox 70 <nil>
	// gained util1 INBOX hello
}
