//go:build !linux

package main

import "errors"

func become(string, ...string) error { return errors.New("only Linux has capabilities") }
