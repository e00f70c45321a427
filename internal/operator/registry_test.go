package operator

import "testing"

// TestHostPrefix: what would be somebody's name at Docker's own registry is not taken for a host.
func TestHostPrefix(t *testing.T) {
	for registry, is := range map[string]bool{
		"registry.lab/mail": true, "registry.lab:5000/a/b": true, "localhost/x": true, "pc-12:5000/x": true,
		"": false, "registry.lab": false, "someone/x": false, "registry.lab/": false, "/x": false,
	} {
		if hostPrefix(registry) != is {
			t.Errorf("%q is taken for HOST/PREFIX: %v", registry, !is)
		}
	}
}
