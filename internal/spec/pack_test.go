package spec

import (
	"crypto/rand"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPack(t *testing.T) {
	s := Sandbox{Version: Version, Lab: "l", Seat: 3, Motd: strings.Repeat("Bonjour à tous.\n", 1000), Accounts: []Account{{Name: "util1"}}}
	packed, err := Pack(s)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Pack(s)
	if err != nil || again != packed {
		t.Errorf("the same spec gives another text: %v", err)
	}
	plain, err := Unpack(packed)
	if err != nil {
		t.Fatal(err)
	}
	var got Sandbox
	if err := json.Unmarshal(plain, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, got); diff != "" {
		t.Errorf("(-packed +unpacked):\n%s", diff)
	}
}

func TestPackIsBounded(t *testing.T) {
	noise := make([]byte, 200<<10)
	_, _ = rand.Read(noise)
	if _, err := Pack(Sandbox{Seat: 7, Files: []File{{Data: noise}}}); err == nil || !strings.Contains(err.Error(), "seat 7") {
		t.Errorf("200 KiB that cannot be squeezed fit: %v", err)
	}
}

func FuzzUnpack(f *testing.F) {
	packed, err := Pack(Sandbox{Lab: "l"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(packed)
	f.Add("H4sIAAAAAAAA/w==")
	f.Fuzz(func(t *testing.T, text string) {
		if plain, err := Unpack(text); err == nil && len(plain) > unpackedMost {
			t.Errorf("%d octets", len(plain))
		}
	})
}
