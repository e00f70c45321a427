package filelock

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestOneHolderAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	if Held(path) {
		t.Error("held before anybody took it")
	}
	release, ok, err := Try(path)
	if !ok || err != nil {
		t.Fatalf("first try: %v, %v", ok, err)
	}
	if _, ok, err := Try(path); ok || err != nil {
		t.Errorf("second try: %v, %v", ok, err)
	}
	if !Held(path) {
		t.Error("not held while somebody has it")
	}
	told := make(chan struct{})
	taken := make(chan error)
	go func() {
		release, err := Wait(t.Context(), path, func() { close(told) })
		if err == nil {
			release()
		}
		taken <- err
	}()
	<-told
	release()
	if err := <-taken; err != nil {
		t.Error(err)
	}
	if Held(path) {
		t.Error("held after all have let go")
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	release, _, err := Try(path)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := Wait(ctx, path, cancel); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestRemovedWhileSomebodyWaits: a lock whose file is gone is nobody's; who waited takes the one that has the name.
func TestRemovedWhileSomebodyWaits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	release, _, err := Try(path)
	if err != nil {
		t.Fatal(err)
	}
	told, taken := make(chan struct{}), make(chan func())
	go func() {
		release, err := Wait(t.Context(), path, func() { close(told) })
		if err != nil {
			t.Error(err)
		}
		taken <- release
	}()
	<-told
	if err := os.Remove(path); err != nil {
		t.Skip(err) // Windows keeps what is open
	}
	release()
	theirs := <-taken
	if _, ok, _ := Try(path); ok {
		t.Error("two hold one lock")
	}
	theirs()
}
