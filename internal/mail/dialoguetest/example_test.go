package dialoguetest_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"maillab/internal/mail/dialoguetest"
)

// A dialogue file has what is typed (C:) and what is to be answered (S:); a server is played it over any connection.
func ExampleSeen() {
	dir, err := os.MkdirTemp("", "dialogue")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "quit.txt")
	if err := os.WriteFile(file, []byte("S: +OK ready\nC: QUIT\nS: +OK bye\n# server closed\n"), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	client, server := net.Pipe()
	go func() {
		defer server.Close()
		fmt.Fprint(server, "+OK ready\r\n")
		if line, _ := bufio.NewReader(server).ReadString('\n'); line == "QUIT\r\n" {
			fmt.Fprint(server, "-ERR not yet\r\n")
		}
	}()
	lines, err := dialoguetest.Seen(file, client)
	fmt.Printf("%q %v\n", lines, err)
	// Output: ["+OK ready" "-ERR not yet" "# server closed"] <nil>
}
