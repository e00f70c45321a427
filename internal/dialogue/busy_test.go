package dialogue

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
	"unicode/utf8"
)

// machine is a server that stands still again and again: whatever happens meanwhile, it takes up in order afterwards.
type machine struct {
	stalls [][2]time.Duration   // from and to, in order
	answer func() time.Duration // how long it is at an answer
}

// busy is a machine that stands still about half of the time, and is long at its answers.
func busy(random *rand.Rand) machine {
	m := machine{answer: func() time.Duration { return spread(random, 300*time.Millisecond) }}
	for at := time.Duration(0); at < 10*time.Minute; {
		from := at + spread(random, 600*time.Millisecond)
		at = from + min(spread(random, 600*time.Millisecond), 5*time.Second)
		m.stalls = append(m.stalls, [2]time.Duration{from, at})
	}
	return m
}

func spread(random *rand.Rand, mean time.Duration) time.Duration {
	return time.Duration(random.ExpFloat64() * float64(mean))
}

// takesUp is when something that happens at a moment is taken up.
func (m machine) takesUp(at time.Duration) time.Duration {
	for _, s := range m.stalls {
		if s[0] <= at && at < s[1] {
			return s[1]
		}
	}
	return at
}

// client says when its next line is sent, from when it sent the line before and when it saw that line answered.
type client func(line string, sent, answered time.Duration) time.Duration

// talk is what the machine records of a client.
func (m machine) talk(lines []string, c client) Dialogue {
	d := Dialogue{Start: time.Date(2026, 3, 26, 11, 0, 0, 0, time.UTC)}
	record := func(at time.Duration, side Side, kind Kind, text string) {
		d.Lines = append(d.Lines, Line{At: d.Start.Add(at.Truncate(time.Millisecond)), From: side, Kind: kind, Text: text})
	}
	sent := time.Duration(0)
	answered := m.takesUp(0)
	record(answered, Server, Reply, "220 hello")
	for _, line := range lines {
		sent = max(sent, c(line, sent, answered))
		got := m.takesUp(max(sent, answered))
		record(got, Client, Command, line)
		answered = m.takesUp(got + m.answer())
		record(answered, Server, Reply, "250 ok")
	}
	return d
}

func typing(random *rand.Rand, line string) time.Duration {
	speed := 3 + 6*random.Float64()
	return time.Duration(float64(utf8.RuneCountInString(line))/speed*float64(time.Second)) + 200*time.Millisecond + spread(random, 2*time.Second)
}

// TestByHandOnABusyMachine: of thousands of people and programs at a machine that stands still again and again, as good
// as nobody is accused, and few programs get away.
func TestByHandOnABusyMachine(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	text := []string{"helo pv", "mail from: util1", "rcpt to: util11", "data", "noop", "rset", "vrfy util1", "ehlo laptop"}
	const people = 3000
	for _, c := range []struct {
		name   string
		byHand bool
		wrong  int // of people, at most
		client client
	}{
		{"who waits for answers", true, 3, func(line string, _, answered time.Duration) time.Duration { return answered + typing(random, line) }},
		{"who now and then types on", true, 3, func(line string, sent, answered time.Duration) time.Duration {
			if random.IntN(4) == 0 {
				answered = sent
			}
			return answered + typing(random, line)
		}},
		{"who never waits", true, 3, func(line string, sent, _ time.Duration) time.Duration {
			return sent + typing(random, line)
		}},
		{"a mail program", false, 15, func(_ string, _, answered time.Duration) time.Duration {
			return answered + spread(random, 5*time.Millisecond)
		}},
		{"a mail program far away", false, 150, func(_ string, _, answered time.Duration) time.Duration {
			return answered + 80*time.Millisecond + spread(random, 20*time.Millisecond)
		}},
		{"who pastes everything", false, 15, func(_ string, sent, _ time.Duration) time.Duration { return max(sent, 4*time.Second) }},
	} {
		wrong := 0
		for range people {
			lines := slices.Clone(text[:5+random.IntN(len(text)-4)])
			if got, _ := ByHand(busy(random).talk(lines, c.client)); got != c.byHand {
				wrong++
			}
		}

		if wrong > c.wrong {
			t.Errorf("%s: %d of %d misjudged", c.name, wrong, people)
		}
	}
}
