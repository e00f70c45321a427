package queue

import (
	"fmt"
	"sync"
	"time"
)

// ids gives queue IDs in the look of Postfix's short form (postconf enable_long_queue_ids=no): five hex digits of the
// microsecond, then what Postfix takes from the inode and we from the second. Two IDs are never equal while the clock
// does not go back by itself: within one process no microsecond is given twice.
type ids struct {
	mu   sync.Mutex
	last int64 // microseconds since 1970
}

// next returns a new ID for the time now.
func (i *ids) next(now time.Time) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.last = max(now.UnixMicro(), i.last+1)
	const second = 1_000_000
	return fmt.Sprintf("%05X%06X", i.last%second, i.last/second&0xFFFFFF)
}
