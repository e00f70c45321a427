package instance

import (
	"net"
	"strconv"
	"time"

	"maillab/internal/certificate"
	"maillab/internal/control"
)

// Certify gives each sandbox that offers TLS a certificate for what students are told to connect to, and the page one that
// is served over TLS and was given none. They keep theirs as long as those are good. It returns what is to be kept; set
// itself where nothing offers TLS.
func (d Desired) Certify(name, host string, page control.Page, set certificate.Set, now time.Time) (certificate.Set, error) {
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
	if web := d.Doors.Web; web != nil && page.TLS && page.Certificate == "" {
		hosts := []string{"localhost", "127.0.0.1", host}
		for _, at := range []string{web.Doors[0].Listen, reach(web.Doors[0].Listen, host)} {
			told, _, _ := net.SplitHostPort(at)
			hosts = append(hosts, told)
		}
		wanted[pageCertificate] = certificate.Names(hosts...)
	}
	if len(wanted) > 0 {
		var err error
		if set, err = set.Renewed(name, wanted, now); err != nil {
			return set, err
		}
		for seat, s := range d.Specs {
			s.Certificate = set.Issued[strconv.Itoa(seat)]
			d.Specs[seat] = s
		}
	}
	if web := d.Doors.Web; web != nil && (page.TLS || len(page.Proxies) > 0) {
		if page.TLS && page.Certificate == "" {
			page.Certificate = set.Issued[pageCertificate]
		}
		web.Page = &page
	}
	return set, nil
}

// pageCertificate is whose the page's is among those of seats.
const pageCertificate = "web"
