package pop3

import "fmt"

// phrases are one server's words, as captured from it (testdata/courier, testdata/dovecot) and, for what was not
// captured, as its source has them. They stand without +OK and -ERR.
type phrases struct {
	banner string

	// Before login.
	userWanted   string // answers USER
	bareUser     bool   // USER without a name is accepted
	noUser       string // PASS without USER
	barePass     bool   // PASS without a password is tried
	keepsUser    bool   // after a failed PASS, another one may follow
	loginFailed  string
	loggedIn     string
	unknownEarly string
	earlyBye     string

	// AUTH and STLS.
	mechanisms  bool // AUTH alone lists the mechanisms
	badMech     string
	badBase64   string
	saslAborted string
	tlsBegin    string
	tlsActive   string
	tlsOff      string

	// After login.
	unknown     func(typed string) string
	scan        func(count int) string // heads LIST
	deleted     string
	reset       string
	noop        string
	retr        func(size int64) string
	top         string
	bye         string
	byeDeleting string

	// Arguments.
	strict      bool // what follows a number is an error, and TOP's lines must be a number
	noNumber    func(arg string) string
	noise       func(rest string) string
	noMessage   func(digits string) string
	isDeleted   string
	noLines     func(arg string) string  // TOP with a wrong number of lines
	afterLines  func(rest string) string // TOP with something after it
	topMissing  string                   // TOP without a number of lines
	capaHead    string
	authCode    bool // failed logins say [AUTH] (RFC 3206)
	capaKeepsIn bool // CAPA shows USER and SASL after login, too
}

func phrasesOf(wording string) (phrases, bool) {
	switch wording {
	case Courier:
		return courierPhrases(), true
	case Dovecot:
		return dovecotPhrases(), true
	}
	return phrases{}, false
}

func courierPhrases() phrases {
	invalid := "Invalid message number."
	return phrases{
		banner:       "Hello there.",
		userWanted:   "Password required.",
		noUser:       "USER/PASS required.",
		keepsUser:    true,
		loginFailed:  "Login failed.",
		loggedIn:     "logged in.",
		unknownEarly: "Invalid command.",
		earlyBye:     "Better luck next time.",

		badMech:     "Authentication failed.",
		badBase64:   "Authentication failed.",
		saslAborted: "Authentication aborted.",
		tlsBegin:    "Begin SSL/TLS negotiation now.",
		tlsActive:   "TLS support not available.",
		tlsOff:      "TLS support not available.",

		unknown:     func(string) string { return "Invalid command." },
		scan:        func(int) string { return "POP3 clients that break here, they violate STD53." },
		deleted:     "Deleted.",
		reset:       "Resurrected.",
		noop:        "Yup.",
		retr:        func(size int64) string { return fmt.Sprintf("%d octets follow.", size) },
		top:         "headers follow.",
		bye:         "Bye-bye.",
		byeDeleting: "Bye-bye.",

		noNumber:    func(string) string { return invalid },
		noise:       func(string) string { return invalid },
		noMessage:   func(string) string { return invalid },
		isDeleted:   invalid,
		noLines:     func(string) string { return invalid },
		afterLines:  func(string) string { return invalid },
		topMissing:  "Invalid command.",
		capaHead:    "Here's what I can do:",
		capaKeepsIn: true,
	}
}

func dovecotPhrases() phrases {
	return phrases{
		banner:       "maillab ready.",
		bareUser:     true,
		noUser:       "No username given.",
		barePass:     true,
		loginFailed:  "[AUTH] Authentication failed.",
		loggedIn:     "Logged in.",
		unknownEarly: "Unknown command.",
		earlyBye:     "Logging out",

		mechanisms:  true,
		badMech:     "Unsupported authentication mechanism.",
		badBase64:   "Invalid base64 data in AUTH response",
		saslAborted: "Authentication aborted by client.",
		tlsBegin:    "Begin TLS negotiation now.",
		tlsActive:   "TLS is already active.",
		tlsOff:      "TLS support isn't enabled.",

		unknown:     func(typed string) string { return "Unknown command: " + typed },
		scan:        func(count int) string { return fmt.Sprintf("%d messages:", count) },
		deleted:     "Marked to be deleted.",
		retr:        func(size int64) string { return fmt.Sprintf("%d octets", size) },
		bye:         "Logging out.",
		byeDeleting: "Logging out, messages deleted.",

		strict:     true,
		noNumber:   func(arg string) string { return "Invalid message number: " + arg },
		noise:      func(rest string) string { return "Noise after message number: " + rest },
		noMessage:  func(digits string) string { return "There's no message " + digits + "." },
		isDeleted:  "Message is deleted.",
		noLines:    func(arg string) string { return "Invalid size: " + arg },
		afterLines: func(rest string) string { return "Noise after size: " + rest },
		topMissing: "Noise after message number: ",
		authCode:   true,
	}
}

// Words that are ours in both wordings: neither server was seen to say them, or neither has them.
const (
	sayInUse    = "[IN-USE] Mailbox is locked by another POP3 session."
	sayBusy     = "[SYS/TEMP] Temporary authentication failure."
	sayTooLong  = "Input line too long."
	sayTooMany  = "Too many bad commands."
	sayIdle     = "Disconnected for inactivity."
	sayStopping = "Server shutting down"
	sayUnread   = "[SYS/TEMP] Message can't be read now."
	sayGone     = "Message is gone: another program removed it."
	sayUnsaved  = "[SYS/TEMP] Some deleted messages not removed."
	sayUTF8     = "UTF8 enabled"
)
