//go:build !linux

package cli_test

func misbehave(string, string) int { panic("the script is for Linux") }
func terminal([]string) int        { panic("the script is for Linux") }
