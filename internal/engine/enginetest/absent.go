package enginetest

import (
	"os"
	"testing"
)

// Absent skips a test that a real engine, or something for one, is missing for; where one is expected, which
// MAILLAB_REQUIRE_DOCKER=1 says, that is a failure. It does not return.
func Absent(t testing.TB, why any) {
	t.Helper()
	if os.Getenv("MAILLAB_REQUIRE_DOCKER") == "1" {
		t.Fatalf("MAILLAB_REQUIRE_DOCKER=1, and no engine: %v", why)
	}
	t.Skipf("no Docker engine: %v", why)
}
