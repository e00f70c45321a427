//go:build unix

package queue

import "syscall"

// errQuota is the system's word for a full quota.
const errQuota = syscall.EDQUOT
