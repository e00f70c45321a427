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
	client := control.NewClient(func(context.Context) (net.Conn, error) {
		near, far := net.Pipe()
		go enginetest.ServeStream(far, gateway)
		return near, nil
	})
	defer client.Close()
	s := &Steering{client: client, doors: control.Doors{Mesh: &control.Mesh{}}}
	s.Spread(machines{Engine: &enginetest.Memory{}}, "class", Desired{})
	if err := s.PutDoors(t.Context()); err != nil || put.Mesh == nil || put.Mesh.Version != 8 || len(put.Mesh.Nodes) != 1 {
		t.Errorf("%+v, %v", put, err)
	}
}
