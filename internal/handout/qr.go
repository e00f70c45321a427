package handout

import (
	"fmt"
	"html/template"
	"image/color"
	"strings"

	"github.com/boombuler/barcode/qr"
)

// quiet is the margin that a reader needs around a code, in modules (ISO/IEC 18004, 9.1).
const quiet = 4

// code is text as a QR code: an SVG whose unit is a module, with the margin. It is "" where the text is too long for one.
func qrCode(text string) template.HTML {
	image, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return ""
	}
	side := image.Bounds().Dx()
	var path strings.Builder
	for y := range side {
		for x := 0; x < side; {
			run := 0
			for x+run < side && image.At(x+run, y) == color.Black {
				run++
			}
			if run > 0 {
				fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", x+quiet, y+quiet, run, run)
			}
			x += max(run, 1)
		}
	}
	whole := side + 2*quiet
	return template.HTML(fmt.Sprintf( //nolint:gosec // numbers and our own letters only
		`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %[1]d %[1]d" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h%[1]dv%[1]dH0z"/><path d="%[2]s"/></svg>`,
		whole, path.String()))
}

// Link is the address that a phone can open: the class's page, else a terminal's, "" where nothing listens.
func (s Sheet) Link() string {
	if s.Web != "" {
		return s.Web
	}
	if ssh, ok := s.service("ssh"); ok {
		return "ssh://" + s.Login() + "@" + ssh.Address
	}
	if len(s.Services) > 0 {
		return "telnet://" + s.Services[0].Address
	}
	return ""
}

func (s Sheet) service(name string) (Service, bool) {
	for _, one := range s.Services {
		if one.Name == name {
			return one, true
		}
	}
	return Service{}, false
}
