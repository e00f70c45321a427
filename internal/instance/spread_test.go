package instance

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"testing"

	"maillab/internal/control"
	"maillab/internal/engine"
	"maillab/internal/engine/enginetest"
)

// machines is an engine that has one.
type machines struct{ engine.Engine }

func (machines) Nodes(context.Context, string) ([]engine.Node, error) {
	return []engine.Node{{ID: "a", Name: "a", Address: "192.0.2.1"}}, nil
}

func clientOf(t *testing.T, gateway http.Handler) *control.Client {
	client := control.NewClient(func(context.Context) (net.Conn, error) {
		near, far := net.Pipe()
		go enginetest.ServeStream(far, gateway)
		return near, nil
	})
	t.Cleanup(func() { client.Close() })
	return client
}

// TestPicture: the next picture is newer than all that the gateway has heard of, also where it has others' doors no more.
func TestPicture(t *testing.T) {
	var put control.Doors
	gateway := http.NewServeMux()
	gateway.HandleFunc("GET /v1/mesh", func(w http.ResponseWriter, _ *http.Request) { control.WriteJSON(w, control.MeshState{Version: 7}) })
	gateway.HandleFunc("GET /v1/doors", func(w http.ResponseWriter, _ *http.Request) { control.WriteJSON(w, control.Doors{}) })
	gateway.HandleFunc("PUT /v1/doors", func(w http.ResponseWriter, r *http.Request) {
		if err := json.NewDecoder(r.Body).Decode(&put); err != nil {
			t.Error(err)
		}
		control.WriteJSON(w, struct{}{})
	})
	client := clientOf(t, gateway)
	s := &Steering{client: client, doors: control.Doors{Mesh: &control.Mesh{}}}
	s.Spread(machines{Engine: &enginetest.Memory{}}, "class", Desired{})
	if err := s.PutDoors(t.Context()); err != nil || put.Mesh == nil || put.Mesh.Version != 8 || len(put.Mesh.Nodes) != 1 {
		t.Errorf("%+v, %v", put, err)
	}
}

// TestKnown: what is to be dialled next is dialled when the gateways that are heard know the picture in which it can be, whoever put it;
// who is not heard is not waited for.
func TestKnown(t *testing.T) {
	closed := control.Target{Seat: 3, Node: "a", Closed: true}
	open := control.Target{Seat: 3, Node: "a"}
	do := map[string]struct {
		was  control.Target
		what func(*Steering) error
		puts int
	}{
		"opened":        {closed, func(s *Steering) error { return s.opened(t.Context(), 3) }, 1},
		"opened before": {open, func(s *Steering) error { return s.opened(t.Context(), 3) }, 0},
		"doors":         {open, func(s *Steering) error { return s.PutDoors(t.Context()) }, 1},
	}
	for name, one := range do {
		t.Run(name, func(t *testing.T) {
			late, puts, version := 3, 0, int64(7)
			gateway := http.NewServeMux()
			gateway.HandleFunc("GET /v1/mesh", func(w http.ResponseWriter, _ *http.Request) {
				far := control.NodeState{Node: control.Node{ID: "b"}, Heard: true, Version: version - 1}
				if late--; late < 0 {
					far.Version = version
				}
				gone := control.NodeState{Node: control.Node{ID: "c"}, Version: 2}
				control.WriteJSON(w, control.MeshState{Version: version, Nodes: []control.NodeState{far, gone}})
			})
			gateway.HandleFunc("PUT /v1/doors", func(w http.ResponseWriter, r *http.Request) {
				puts++
				version++
				control.WriteJSON(w, struct{}{})
			})
			s := &Steering{client: clientOf(t, gateway), doors: control.Doors{Mesh: &control.Mesh{Version: version}, Sandboxes: []control.Target{one.was}}}
			s.Spread(machines{Engine: &enginetest.Memory{}}, "class", Desired{})
			if err := one.what(s); err != nil {
				t.Fatal(err)
			}
			if late >= 0 || puts != one.puts {
				t.Errorf("it returns while a gateway knows an older picture (%d more times); %d pictures were put, want %d", late, puts, one.puts)
			}
		})
	}
}
