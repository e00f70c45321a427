package sweep

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// volumes stands for an engine that knows some, each of which is in use as often as it says.
type volumes struct {
	mu    sync.Mutex
	inUse map[string]int
}

func (v *volumes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	defer v.mu.Unlock()
	name, one := strings.CutPrefix(r.URL.Path, "/volumes/")
	switch {
	case !one && r.FormValue("filters") == `{"label":["maillab.swarm=amiens"]}`:
		type volume struct{ Name string }
		var all []volume
		for name := range v.inUse {
			all = append(all, volume{name})
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"Volumes": all})
	case one && r.Method == http.MethodDelete && v.inUse[name] > 0:
		v.inUse[name]--
		http.Error(w, `{"message":"volume is in use"}`, http.StatusConflict)
	case one && r.Method == http.MethodDelete:
		delete(v.inUse, name)
		w.WriteHeader(http.StatusNoContent)
	default:
		http.Error(w, `{"message":"no such thing"}`, http.StatusBadRequest)
	}
}

func serve(t *testing.T, v *volumes) (socket string) {
	socket = filepath.Join(t.TempDir(), "engine.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: v}
	t.Cleanup(func() { server.Close() })
	go server.Serve(l)
	return socket
}

func TestVolumes(t *testing.T) {
	v := &volumes{inUse: map[string]int{"mail": 3, "home": 0, "state": 1}}
	socket := serve(t, v)
	if err := Volumes(t.Context(), socket, "amiens", []string{"mail", "of-nobody"}); err != nil || len(v.inUse) != 2 {
		t.Errorf("one that is in use for a while: %v, %v is left", err, v.inUse)
	}
	if err := Volumes(t.Context(), socket, "amiens", nil); err != nil || len(v.inUse) != 0 {
		t.Errorf("all: %v, %v is left", err, v.inUse)
	}
}

func TestWhatStays(t *testing.T) {
	v := &volumes{inUse: map[string]int{"mail": 1 << 30}}
	socket := serve(t, v)
	ctx, cancel := context.WithTimeout(t.Context(), 3*inUse)
	defer cancel()
	if err := Volumes(ctx, socket, "amiens", nil); err == nil || !strings.Contains(err.Error(), "mail") {
		t.Errorf("one that stays in use: %v", err)
	}
	if err := Volumes(t.Context(), socket, "another", nil); err == nil || !strings.Contains(err.Error(), "no such thing") {
		t.Errorf("an engine that refuses: %v", err)
	}
	if err := Volumes(t.Context(), socket+"x", "amiens", nil); err == nil {
		t.Error("no engine is no error")
	}
}
