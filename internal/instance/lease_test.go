package instance

import (
	"testing"
	"time"

	"maillab/internal/engine"
	"maillab/internal/engine/enginetest"
)

// TestExpiry: a longer life, a shorter one and an endless one are all said, and no plan takes notice.
func TestExpiry(t *testing.T) {
	e := &enginetest.Memory{}
	made := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, r := range []engine.Resource{
		{Kind: engine.Gateway, Instance: "i", Labels: map[string]string{engine.LabelInstance: "i", engine.LabelExpires: made.Format(time.RFC3339)}},
		{Kind: engine.Volume, Instance: "i", Seat: 1, Part: "mail", Labels: map[string]string{engine.LabelInstance: "i"}},
	} {
		if err := e.Put(t.Context(), r, nil); err != nil {
			t.Fatal(err)
		}
	}
	look := func() Instance {
		t.Helper()
		rs, err := e.Observe(t.Context(), "i")
		if err != nil {
			t.Fatal(err)
		}
		return Of(rs)[0]
	}
	if got := look().Expires; !got.Equal(made) {
		t.Fatalf("expires %v", got)
	}
	for _, want := range []time.Time{made.Add(time.Hour), made.Add(-time.Hour), {}, made} {
		if err := SetExpiry(t.Context(), e, look(), want); err != nil {
			t.Fatal(err)
		}
		i := look()
		if !i.Expires.Equal(want) {
			t.Errorf("expires %v, want %v", i.Expires, want)
		}
		if n := len(WithoutLease(i.Resources)); n != 2 || len(i.Resources) != 3 {
			t.Errorf("%d resources, %d without the lease", len(i.Resources), n)
		}
		if i.Host != "" {
			t.Errorf("a longer life changes the host to %q", i.Host)
		}
		if len(i.Seats()) != 0 {
			t.Errorf("the lease has a seat: %v", i.Seats())
		}
	}
}

// TestTerms: another host is said, and taken back, whatever the labels that things were made with say.
func TestTerms(t *testing.T) {
	e := &enginetest.Memory{}
	for _, r := range []engine.Resource{
		{Kind: engine.Gateway, Instance: "i", Labels: map[string]string{engine.LabelInstance: "i", engine.LabelHost: "old.example"}},
		{Kind: engine.Sandbox, Instance: "i", Seat: 1, Labels: map[string]string{engine.LabelInstance: "i", engine.LabelHost: "older.example"}},
	} {
		if err := e.Put(t.Context(), r, nil); err != nil {
			t.Fatal(err)
		}
	}
	look := func() Instance {
		t.Helper()
		rs, err := e.Observe(t.Context(), "i")
		if err != nil {
			t.Fatal(err)
		}
		return Of(rs)[0]
	}
	if got := look().Host; got != "old.example" {
		t.Fatalf("made with %q", got)
	}
	expires := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, want := range []string{"new.example", "", "old.example"} {
		if err := SetTerms(t.Context(), e, look(), expires, want); err != nil {
			t.Fatal(err)
		}
		if i := look(); i.Host != want || !i.Expires.Equal(expires) {
			t.Errorf("host %q, expires %v; want %q", i.Host, i.Expires, want)
		}
		if err := SetExpiry(t.Context(), e, look(), time.Time{}); err != nil {
			t.Fatal(err)
		}
		if i := look(); i.Host != want {
			t.Errorf("after extend the host is %q, want %q", i.Host, want)
		}
	}
}
