//go:build linux

package broker

import (
	"fmt"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// bodyFile is a file in memory that holds body, to be attached to a packet.
func bodyFile(body []byte) (*os.File, error) {
	fd, err := unix.MemfdCreate("body", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("memfd: %w", err)
	}
	file := os.NewFile(uintptr(fd), "body")
	if _, err := file.Write(body); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("memfd: %w", err)
	}
	return file, nil
}

// readBody reads what bodyFile wrote. It takes nothing but a regular file: reading from a pipe could take for ever.
func readBody(file *os.File) ([]byte, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > MaxBody {
		return nil, fmt.Errorf("a body that is no regular file of at most %d bytes: %w", MaxBody, syscall.EMSGSIZE)
	}
	body := make([]byte, info.Size())
	if _, err := file.ReadAt(body, 0); err != nil && err != io.EOF {
		return nil, err
	}
	return body, nil
}
