package instance

import (
	"fmt"
	"slices"
	"testing"

	"maillab/internal/control"
	"maillab/internal/spec"
)

func TestThrough(t *testing.T) {
	class := func(doors ...[]string) (i Instance) {
		for seat, of := range doors {
			s := Sandbox{Seat: seat + 1}
			for _, listen := range of {
				s.Target.Doors = append(s.Target.Doors, control.Door{Service: "ssh", Listen: listen})
			}
			i.Sandboxes = append(i.Sandboxes, s)
		}
		return i
	}
	for want, i := range map[string]Instance{
		"":                                     class([]string{"127.0.0.1:10122"}, []string{"[::1]:10222"}),
		"0.0.0.0 TCP 10110-10243":              class([]string{"0.0.0.0:10122", "0.0.0.0:10110", "0.0.0.0:10125"}, []string{"0.0.0.0:10222", "0.0.0.0:10243", "0.0.0.0:10225"}),
		"10.0.0.1 TCP 22,143, 10.0.0.2 TCP 25": class([]string{"10.0.0.1:143", "10.0.0.1:22"}, []string{"10.0.0.2:25"}),
		"10.0.0.1-10.0.0.2 TCP 22,143, 10.0.0.4 TCP 22,143": class([]string{"10.0.0.1:143", "10.0.0.1:22"}, []string{"10.0.0.2:22", "10.0.0.2:143"}, []string{"10.0.0.4:22", "10.0.0.4:143"}),
	} {
		if got := i.Through(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	var many [][]string
	for n := range 9 {
		many = append(many, []string{fmt.Sprintf("10.0.%d.1:22", n)})
	}
	if got := class(many...).Through(); got != "10.0.0.1 TCP 22, 10.0.1.1 TCP 22, 10.0.2.1 TCP 22, 10.0.3.1 TCP 22, and 5 more addresses" {
		t.Error(got)
	}
}

// TestOnlySomeServicesHaveDoors: the others run all the same.
func TestOnlySomeServicesHaveDoors(t *testing.T) {
	on := spec.Services{SMTP: &spec.SMTP{}, POP3: &spec.POP3{}, SSH: &spec.SSH{}}
	for _, c := range []struct{ only, want []string }{
		{nil, []string{"ssh", "smtp", "pop3"}}, {[]string{"ssh"}, []string{"ssh"}}, {[]string{"pop3", "imap"}, []string{"pop3"}}, {[]string{}, nil},
	} {
		p := Publishing{Mode: "ports", Listen: "127.0.0.1", Blocks: []Block{{Base: 10000, First: 1}}, Only: c.only}
		doors, err := p.doors(1, p.Open(on))
		var got []string
		for _, d := range doors {
			got = append(got, d.Service)
		}
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%v: %v, %v", c.only, got, err)
		}
	}
}
