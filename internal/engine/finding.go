package engine

import "context"

// Finding is one thing that doctor says about an engine.
type Finding struct {
	Level  Level  `json:"level"`
	What   string `json:"what"`
	Detail string `json:"detail"`
	Mend   string `json:"mend,omitempty"` // what to do about it, a command where there is one
}

// Level of a finding.
type Level string

// Levels.
const (
	Good    Level = "ok"
	Warning Level = "warning" // it works, less well
	Bad     Level = "problem" // something will not work
)

// Examiner is an engine that can say more about itself.
type Examiner interface {
	Examine(ctx context.Context) []Finding
}
