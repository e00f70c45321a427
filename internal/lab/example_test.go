package lab_test

import (
	"fmt"
	"testing/fstest"

	"maillab/internal/lab"
)

// A lab is a folder with a lab.yaml; what that does not say has a default.
func ExampleParse() {
	files := fstest.MapFS{"lab.yaml": {Data: []byte(`apiVersion: maillab/v1
name: small
title: {en: A small lab, fr: Un petit TP}
lang: en
hostname: mail
domain: local.example
accounts:
  - {name: "u{n}", n: 1-3, password: secret}
services: {smtp: {}, pop3: {}}
`)}}
	l, err := lab.Parse(files, "lab.yaml")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(l.Name, l.Topology)
	// Output: small isolated
}
