package imap

import "strconv"

func appendUint(b []byte, n uint32) []byte { return strconv.AppendUint(b, uint64(n), 10) }

func appendUint64(b []byte, n uint64) []byte { return strconv.AppendUint(b, n, 10) }
