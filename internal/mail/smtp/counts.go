package smtp

import (
	"fmt"
	"strings"
)

// counts is how often each command was typed, and with success. The place after the last command is for unknown ones.
type counts struct{ all, good []int }

// newCounts counts so many commands.
func newCounts(commands int) counts {
	return counts{all: make([]int, commands+1), good: make([]int, commands+1)}
}

// seen counts a command; nil is an unknown one.
func (c counts) seen(cmd *command) {
	if cmd == nil {
		c.all[len(c.all)-1]++
	} else {
		c.all[cmd.index]++
	}
}

// succeeded counts its success.
func (c counts) succeeded(index int) {
	c.good[index]++
}

// format writes the counts as Postfix's disconnect line has them: "helo=1 mail=1/2 commands=2/3".
func (c counts) format(commands []command) string {
	var b strings.Builder
	all, good := 0, 0
	for i := range c.all {
		if c.all[i] == 0 {
			continue
		}
		name := "unknown"
		if i < len(commands) {
			name = strings.ToLower(commands[i].name)
		}
		b.WriteString(name + "=" + ratio(c.good[i], c.all[i]) + " ")
		all, good = all+c.all[i], good+c.good[i]
	}
	if all == 0 {
		return "commands=0/0"
	}
	return b.String() + "commands=" + ratio(good, all)
}

// ratio is "2", or "1/2" when not all succeeded.
func ratio(good, all int) string {
	if good == all {
		return fmt.Sprint(all)
	}
	return fmt.Sprintf("%d/%d", good, all)
}
