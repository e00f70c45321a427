package handoff

import "net"

// Pipe makes the two ends of a byte stream within a process.
func Pipe() (a, b net.Conn, err error) {
	ours, file, err := Stream()
	if err != nil {
		return nil, nil, err
	}
	theirs, err := FileConn(file)
	if err != nil {
		_ = ours.Close()
		return nil, nil, err
	}
	return ours, theirs, nil
}
