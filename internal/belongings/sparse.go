package belongings

import (
	"archive/tar"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// The PAX records of a file with holes.
const (
	paxSize = "MAILLAB.size"
	paxData = "MAILLAB.data"
)

// extent is a part of a file that has data.
type extent struct{ off, len int64 }

// maxExtents bounds what a record may say; a file in more pieces is archived whole.
const maxExtents = 2000

// extentsOf reads a header's records: the file's length, and where its data goes. Without records the data is the file.
func extentsOf(h *tar.Header) (size int64, data []extent, err error) {
	text, sparse := h.PAXRecords[paxSize]
	if !sparse {
		return h.Size, []extent{{0, h.Size}}, nil
	}
	if size, err = strconv.ParseInt(text, 10, 64); err != nil || size < 0 || size > MaxBytes {
		return 0, nil, hostile("%q: size %q", h.Name, text)
	}
	var end, sum int64
	for part := range strings.SplitSeq(h.PAXRecords[paxData], ",") {
		if part == "" {
			continue
		}
		var e extent
		if _, err := fmt.Sscanf(part, "%d+%d", &e.off, &e.len); err != nil {
			return 0, nil, hostile("%q: data at %q", h.Name, part)
		}
		if e.off < end || e.len < 0 || e.len > size || e.off > size-e.len || len(data) == maxExtents {
			return 0, nil, hostile("%q: data at %q", h.Name, part)
		}
		end, sum = e.off+e.len, sum+e.len
		data = append(data, e)
	}
	if sum != h.Size {
		return 0, nil, hostile("%q: %d bytes of data, %d in the archive", h.Name, sum, h.Size)
	}
	return size, data, nil
}

// writeExtents fills a new file from an entry.
func writeExtents(f *os.File, h *tar.Header, r io.Reader) error {
	size, data, err := extentsOf(h)
	if err != nil {
		return err
	}
	for _, e := range data {
		if _, err := io.CopyN(io.NewOffsetWriter(f, e.off), r, e.len); err != nil {
			return err
		}
	}
	return f.Truncate(size)
}

// describe gives a header the records of a file with holes, and its data's length.
func describe(h *tar.Header, size int64, data []extent) {
	var parts []string
	h.Size = 0
	for _, e := range data {
		parts = append(parts, fmt.Sprintf("%d+%d", e.off, e.len))
		h.Size += e.len
	}
	h.PAXRecords = map[string]string{paxSize: strconv.FormatInt(size, 10), paxData: strings.Join(parts, ",")}
}
