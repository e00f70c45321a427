package mail

// Ending is why a connection ended.
type Ending string

// Endings.
const (
	LoggedOut   Ending = "logged out"
	LineDropped Ending = "line dropped" // the client closed, or the network failed
	NotTaken    Ending = "not taken"    // the client did not take what it asked for
	TimedOut    Ending = "timed out"
	TooManyBad  Ending = "too many bad commands"
	ShutDown    Ending = "shut down" // by the context
	Failed      Ending = "failed"    // by us: a bug, a message that could not be read to its end, a mailbox that was put back
)
