package classroom

import (
	"fmt"
	"time"

	"maillab/internal/period"
)

// LifeLeft says in words how long something lives.
func LifeLeft(expires, now time.Time) string {
	switch left := expires.Sub(now); {
	case expires.IsZero():
		return "never expires"
	case left <= 0:
		return "has expired " + expires.Local().Format(time.DateTime)
	default:
		return fmt.Sprintf("expires %s, in %s", expires.Local().Format(time.DateTime), period.Format(left.Round(time.Minute)))
	}
}
