package lab

import (
	"strings"
	"testing"
	"testing/fstest"
)

// TestServicesWithDoors: only such as run can have one.
func TestServicesWithDoors(t *testing.T) {
	const text = `apiVersion: maillab/v1
name: doors
title: D
hostname: mail
domain: x.test
accounts: [{name: me, password: x}]
services: {smtp: {}, ssh: {}}
publish: {services: [SERVICES]}
`
	for services, want := range map[string]string{
		"ssh": "", "ssh, smtp": "", "": "",
		"imap":     `lab.yaml:8: "imap" has no door: it is no service of the lab (those that run: ssh, smtp)`,
		"ssh, ftp": `"ftp" has no door`,
	} {
		_, err := Parse(fstest.MapFS{"lab.yaml": {Data: []byte(strings.Replace(text, "SERVICES", services, 1))}}, "lab.yaml")
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %q", services, err, want)
		}
	}
}
