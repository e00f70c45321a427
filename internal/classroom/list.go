package classroom

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"sync"

	"maillab/internal/control"
	"maillab/internal/deploy"
	"maillab/internal/instance"
)

// Instances is what ls -o json prints.
type Instances struct {
	Instances []InstanceRow `json:"instances"`
}

// InstanceRow is one instance in numbers.
type InstanceRow struct {
	Instance  string `json:"instance"`
	Lab       string `json:"lab"`
	Engine    string `json:"engine"`
	Sandboxes int    `json:"sandboxes"`
	Ready     int    `json:"ready"`
	Expires   string `json:"expires,omitempty"` // RFC 3339
	Owner     string `json:"owner,omitempty"`   // the user who brought it up
	Own       bool   `json:"own"`               // that is who asks
}

// AskAll asks the instances side by side: one that does not answer keeps no other waiting. The user's own come first.
func AskAll(ctx context.Context, instances []deploy.Running, user string) Instances {
	rows := make([]InstanceRow, len(instances))
	var asked sync.WaitGroup
	for n, i := range instances {
		asked.Go(func() { rows[n] = inNumbers(ctx, i, user) })
	}
	asked.Wait()
	slices.SortStableFunc(rows, OwnFirst)
	return Instances{rows}
}

func inNumbers(ctx context.Context, i deploy.Running, user string) InstanceRow {
	status := AskStatus(ctx, i, instance.Chosen{Sandboxes: i.Sandboxes})
	row := InstanceRow{Instance: i.Name, Lab: i.Lab, Engine: status.Engine, Sandboxes: len(status.Sandboxes), Expires: status.Expires,
		Owner: i.Owner, Own: i.Owner == user}
	for _, s := range status.Sandboxes {
		if s.State == control.StateReady {
			row.Ready++
		}
	}
	return row
}

// OwnFirst puts the user's own instances first, each kind by name.
func OwnFirst(x, y InstanceRow) int {
	others := func(r InstanceRow) int { return map[bool]int{false: 1}[r.Own] }
	return cmp.Or(cmp.Compare(others(x), others(y)), cmp.Compare(x.Instance, y.Instance))
}

// Table says whose what is that others have brought up.
func (all Instances) Table() (header []string, rows [][]string) {
	for _, r := range all.Instances {
		whose := "you"
		if !r.Own {
			whose = cmp.Or(r.Owner, "-")
		}
		rows = append(rows, []string{r.Instance, r.Lab, r.Engine, strconv.Itoa(r.Sandboxes), strconv.Itoa(r.Ready), cmp.Or(r.Expires, "-"), whose})
	}
	return []string{"instance", "lab", "engine", "sandboxes", "ready", "expires", "owner"}, rows
}
