package mbox

import (
	"os"

	"golang.org/x/sys/windows"
)

// openBox opens a mailbox's file so that it can be removed and renamed while it is open, as a folder is that somebody
// deletes: os.OpenFile does not share a file for that.
func openBox(path string, flag int, _ os.FileMode) (*os.File, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	const share = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE
	handle, err := windows.CreateFile(name, accessOf(flag), share, nil, dispositionOf(flag), windows.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(handle), path), nil
}

func accessOf(flag int) uint32 {
	switch flag & (os.O_RDONLY | os.O_WRONLY | os.O_RDWR) {
	case os.O_WRONLY:
		return windows.GENERIC_WRITE
	case os.O_RDWR:
		return windows.GENERIC_READ | windows.GENERIC_WRITE
	}
	return windows.GENERIC_READ
}

// dispositionOf knows what Files.Open is asked for: a new file, or one that is there.
func dispositionOf(flag int) uint32 {
	if flag&os.O_EXCL != 0 {
		return windows.CREATE_NEW
	}
	return windows.OPEN_EXISTING
}
