package instance

import (
	"net"
	"strconv"
	"time"

	"maillab/internal/certificate"
)

// Certify gives each sandbox that offers TLS a certificate for what students are told to connect to. The sandboxes of a set
// keep theirs as long as those are good. It returns what is to be kept; set itself where no sandbox offers TLS.
func (d Desired) Certify(name, host string, set certificate.Set, now time.Time) (certificate.Set, error) {
	wanted := map[string][]string{}
	for _, t := range d.Doors.Sandboxes {
		s := d.Specs[t.Seat]
		if s.TLS != "starttls" {
			continue
		}
		hosts := append([]string{s.Hostname}, s.Hosts...)
		hosts = append(hosts, "localhost", "127.0.0.1", host)
		for _, door := range t.Doors {
			for _, at := range []string{door.Listen, reach(door.Listen, host)} {
				told, _, _ := net.SplitHostPort(at)
				hosts = append(hosts, told)
			}
		}
		wanted[strconv.Itoa(t.Seat)] = certificate.Names(hosts...)
	}
	if len(wanted) == 0 {
		return set, nil
	}
	set, err := set.Renewed(name, wanted, now)
	for seat, s := range d.Specs {
		s.Certificate = set.Issued[strconv.Itoa(seat)]
		d.Specs[seat] = s
	}
	return set, err
}
