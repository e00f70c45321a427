//go:build linux

package sandbox

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWithPassword(t *testing.T) {
	spec := `{"version":1,"future":{"x":[1,2]},"accounts":[{"name":"a","passwordHash":"$old","shell":"x"},{"name":"b","passwordHash":"$b"}]}`
	got, err := withPassword([]byte(spec), "a", "$new")
	if err != nil {
		t.Fatal(err)
	}
	var have, want any
	if err := json.Unmarshal(got, &have); err != nil {
		t.Fatal(err)
	}
	_ = json.Unmarshal([]byte(`{"version":1,"future":{"x":[1,2]},"accounts":[{"name":"a","passwordHash":"$new","shell":"x"},{"name":"b","passwordHash":"$b"}]}`), &want)
	if diff := cmp.Diff(want, have); diff != "" {
		t.Error(diff)
	}
	for _, broken := range []string{"", "[]", `{"accounts":3}`, spec} {
		if _, err := withPassword([]byte(broken), "nobody", "$new"); err == nil {
			t.Errorf("%q: nobody has a password now", broken)
		}
	}
}
