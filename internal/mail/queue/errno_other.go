//go:build !unix

package queue

import "errors"

// errQuota does not exist here.
var errQuota = errors.New("disk quota exceeded")
