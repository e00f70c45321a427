package cli

import (
	"strings"
	"testing"

	"maillab/internal/engine"
	"maillab/internal/instance"
)

func TestAddressPool(t *testing.T) {
	network := func(label string) instance.Instance {
		return instance.Instance{Name: "monday", Resources: []engine.Resource{{
			Kind: engine.Network, Labels: map[string]string{engine.LabelPool: label},
		}}}
	}
	for _, test := range []struct {
		existing    instance.Instance
		given, want string
	}{
		{instance.Instance{}, "", "10.213.0.0/16"},
		{instance.Instance{}, "172.28.0.0/16", "172.28.0.0/16"},
		{network("172.28.0.0/16"), "", "172.28.0.0/16"},
		{network("172.28.0.0/16"), "172.28.0.0/16", "172.28.0.0/16"},
		{network("172.28.0.0/16"), "172.29.0.0/16", "take it down to move it"},
		{network(""), "", "10.213.0.0/16"},
		{network(""), "172.29.0.0/16", "is from 10.213.0.0/16"},
		{instance.Instance{}, "10.0.0.0/8", "from /12 to /22"},
		{instance.Instance{}, "10.1.2.0/24", "from /12 to /22"},
		{instance.Instance{}, "10.1.2.3/16", "a range of IPv4"},
		{instance.Instance{}, "fd00::/16", "a range of IPv4"},
		{instance.Instance{}, "everywhere", "a range of IPv4"},
	} {
		got, err := addressPool(test.existing, test.given)
		told := got.String()
		if err != nil {
			told = err.Error()
		}
		if !strings.Contains(told, test.want) {
			t.Errorf("%q: %s, want %s", test.given, told, test.want)
		}
	}
}
