package docker

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

const certPEM = "-----BEGIN CERTIFICATE-----\n"

func configFolder(t *testing.T, config string) fs.FS {
	t.Helper()
	tree := fstest.MapFS{}
	put := func(name, text string) { tree[name] = &fstest.MapFile{Data: []byte(text)} }
	if config != "" {
		put("config.json", config)
	}
	put("contexts/meta/"+contextID("lab")+"/meta.json",
		`{"Name":"lab","Metadata":{},"Endpoints":{"docker":{"Host":"tcp://lab.example:2376","SkipTLSVerify":false}}}`)
	put("contexts/tls/"+contextID("lab")+"/docker/ca.pem", certPEM)
	put("contexts/meta/"+contextID("plain")+"/meta.json", `{"Name":"plain","Endpoints":{"docker":{"Host":"unix:///run/other.sock"}}}`)
	put("contexts/meta/"+contextID("empty")+"/meta.json", `{"Name":"empty","Endpoints":{}}`)
	put("contexts/meta/"+contextID("broken")+"/meta.json", `{`)
	put("ca.pem", "default ca")
	return tree
}

func TestFindEndpoint(t *testing.T) {
	root := fstest.MapFS{"certs/ca.pem": {Data: []byte("given ca")}}
	for _, test := range []struct {
		name, config string
		env          map[string]string
		want         Endpoint
		err          string
	}{
		{"nothing", "", nil, Endpoint{}, ""},
		{"an empty config", "{}", nil, Endpoint{}, ""},
		{"host", `{"currentContext":"lab"}`, map[string]string{"DOCKER_HOST": "tcp://h:1", "DOCKER_CONTEXT": "plain"},
			Endpoint{Host: "tcp://h:1"}, ""},
		{"host and version", "", map[string]string{"DOCKER_HOST": "tcp://h:1", "DOCKER_API_VERSION": "1.43"},
			Endpoint{Host: "tcp://h:1", APIVersion: "1.43"}, ""},
		{"host with TLS", "", map[string]string{"DOCKER_HOST": "tcp://h:1", "DOCKER_TLS_VERIFY": "1"},
			Endpoint{Host: "tcp://h:1", TLS: &TLS{CA: []byte("default ca")}}, ""},
		{"host with TLS from elsewhere", "", map[string]string{"DOCKER_HOST": "tcp://h:1", "DOCKER_TLS": "1", "DOCKER_CERT_PATH": "/certs/"},
			Endpoint{Host: "tcp://h:1", TLS: &TLS{CA: []byte("given ca"), SkipVerify: true}}, ""},
		{"current context", `{"currentContext":"plain"}`, nil, Endpoint{Host: "unix:///run/other.sock"}, ""},
		{"context in the environment", `{"currentContext":"plain"}`, map[string]string{"DOCKER_CONTEXT": "lab"},
			Endpoint{Host: "tcp://lab.example:2376", TLS: &TLS{CA: []byte(certPEM)}}, ""},
		{"default context", `{"currentContext":"plain"}`, map[string]string{"DOCKER_CONTEXT": "default"}, Endpoint{}, ""},
		{"no such context", `{"currentContext":"nowhere"}`, nil, Endpoint{}, `docker context "nowhere"`},
		{"a context without docker", `{"currentContext":"empty"}`, nil, Endpoint{}, "no docker endpoint"},
		{"a broken context", `{"currentContext":"broken"}`, nil, Endpoint{}, `docker context "broken"`},
		{"a broken config", `{`, nil, Endpoint{}, "config.json"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := FindEndpoint(func(k string) string { return test.env[k] }, configFolder(t, test.config), root)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("error %v, want %q", err, test.err)
				}
				return
			}
			if d := cmp.Diff(test.want, got); d != "" || err != nil {
				t.Errorf("%v, -want +got\n%s", err, d)
			}
		})
	}
}

func TestRemoteHost(t *testing.T) {
	for host, want := range map[string]string{
		"": "", "unix:///var/run/docker.sock": "", "tcp://127.0.0.1:2375": "", "tcp://localhost:2375": "",
		"tcp://lab.example:2376": "lab.example", "ssh://teacher@lab.example": "lab.example", "tcp://192.0.2.7:2375": "192.0.2.7",
		"npipe:////./pipe/docker_engine": "",
	} {
		if got := (Endpoint{Host: host}).RemoteHost(); got != want {
			t.Errorf("%q: %q, want %q", host, got, want)
		}
	}
}

func TestEndpointsThatCannotBe(t *testing.T) {
	for _, e := range []Endpoint{
		{Host: "nonsense"}, {Host: "ssh://"},
		{Host: "tcp://h:1", TLS: &TLS{CA: []byte("no certificate")}},
		{Host: "tcp://h:1", TLS: &TLS{Cert: []byte("none")}},
	} {
		if _, err := e.client(); err == nil {
			t.Errorf("%+v has a client", e)
		}
	}
}
