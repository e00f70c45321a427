package dialogue

import "testing"

func TestRefuses(t *testing.T) {
	for service, lines := range map[string]map[string]bool{
		"imap": {"1234 NO Login failed.": true, "* 1 EXISTS": false, "+ go on": false, "+ NO more": false, "a OK done": false, "a BAD what": true},
		"smtp": {"250 2.1.0 Ok": false, "354 End data": false, "452 4.3.1 full": true, "501 5.5.4 Syntax": true},
		"pop3": {"+OK": false, "-ERR no": true},
	} {
		for line, want := range lines {
			if Refuses(service, line) != want {
				t.Errorf("%s: %q refuses: %v", service, line, !want)
			}
		}
	}
}
