package mail

import "time"

// Status is what became of one recipient, as the log tells it and a report to the sender.
type Status struct {
	To     string // address
	OrigTo string // as the client gave it; "" when it is To
	Relay  string // "local", "none", "mx.example.com[192.0.2.25]:25"
	Delays Delays
	Total  time.Duration // delay=; 0: the sum of Delays
	DSN    string        // "2.0.0"
	State  string        // sent, deferred, bounced
	Text   string        // without the brackets around it
}

// Delays are the four parts of delay= in Postfix's order.
type Delays struct {
	Before   time.Duration // until the message was in the queue
	InQueue  time.Duration // until this attempt began
	Connect  time.Duration // name look-up, connection, greeting
	Transmit time.Duration
}

// Total is the whole time since the message came.
func (d Delays) Total() time.Duration { return d.Before + d.InQueue + d.Connect + d.Transmit }
