package task

// Mail is satisfied by one delivered message for which everything that is given here holds.
type Mail struct {
	// To is the account in whose mailbox it arrived; empty: any of the student's.
	To string `yaml:"to" json:"to,omitempty"`
	// By says how its SMTP dialogue was typed; empty: either.
	By string `yaml:"by" json:"by,omitempty" jsonschema:"enum=hand,enum=program"`
	// Via says how it was handed in: over port 25, or by the sendmail program (as the mail command does).
	Via string `yaml:"via" json:"via,omitempty" jsonschema:"enum=smtp,enum=sendmail"`
	// From matches the envelope's sender, without brackets.
	From Pattern `yaml:"from" json:"from,omitempty"`
	// Recipient matches the envelope's recipient as it was typed (X-Original-To).
	Recipient Pattern `yaml:"recipient" json:"recipient,omitempty"`
	// Recipients is how many the envelope had.
	Recipients Count `yaml:"recipients" json:"recipients,omitzero"`
	// Header has, by field name, what one field of that name must match; values are decoded (RFC 2047).
	Header map[string]Pattern `yaml:"header" json:"header,omitempty"`
	// NotHeader has, by field name, what no field of that name may match.
	NotHeader map[string]Pattern `yaml:"not_header" json:"not_header,omitempty"`
	// Body matches the text that a reader is shown: the first text part, decoded.
	Body Pattern `yaml:"body" json:"body,omitempty"`
	// NotBody must not match it.
	NotBody Pattern `yaml:"not_body" json:"not_body,omitempty"`
	// Source matches the message as it lies in the spool, headers included.
	Source Pattern `yaml:"source" json:"source,omitempty"`
	// Attachment is a MIME part beside the text, found with or without a MIME-Version.
	Attachment *Attachment `yaml:"attachment" json:"attachment,omitempty"`
	// Messages is how many such messages there must be.
	Messages Count `yaml:"messages" json:"messages,omitzero" jsonschema:"default=1-"`
}

// Attachment is a decoded MIME part.
type Attachment struct {
	// Name matches its file name.
	Name Pattern `yaml:"name" json:"name,omitempty"`
	// Type matches its media type, such as ^image/jpeg$.
	Type Pattern `yaml:"type" json:"type,omitempty"`
	// Encoding matches its Content-Transfer-Encoding.
	Encoding Pattern `yaml:"encoding" json:"encoding,omitempty"`
	// Text matches its decoded content.
	Text Pattern `yaml:"text" json:"text,omitempty"`
	// Same is a file of the lab's `files`, by its path in the sandbox, whose bytes it must have.
	Same string `yaml:"same" json:"same,omitempty"`
}

// Mailbox is satisfied when as many messages as asked for are in the mailbox now, each with all that is given here.
type Mailbox struct {
	// Of is the account; empty: the student's first.
	Of string `yaml:"of" json:"of,omitempty"`
	// Folder is INBOX or a folder below ~/mail.
	Folder string `yaml:"folder" json:"folder" jsonschema:"default=INBOX"`
	// Header has, by field name, what one field of that name must match.
	Header map[string]Pattern `yaml:"header" json:"header,omitempty"`
	// Body matches the first text part, decoded.
	Body Pattern `yaml:"body" json:"body,omitempty"`
	// Flags are what it must carry, such as \Seen.
	Flags []string `yaml:"flags" json:"flags,omitempty"`
	// Messages is how many such messages there must be.
	Messages Count `yaml:"messages" json:"messages,omitzero" jsonschema:"default=1-"`
}

// Dialogue is satisfied by one connection of the student's in which everything that is given here holds.
type Dialogue struct {
	// Service is the protocol.
	Service string `yaml:"service" json:"service" jsonschema:"required,enum=smtp,enum=pop3,enum=imap"`
	// By says how the command lines were typed; DATA, which may be pasted, never counts. Empty: either.
	By string `yaml:"by" json:"by,omitempty" jsonschema:"enum=hand,enum=program"`
	// Account is who logged in; empty: any of the student's, or nobody.
	Account string `yaml:"account" json:"account,omitempty"`
	// Commands match command lines in this order; others may come between them.
	Commands []Pattern `yaml:"commands" json:"commands,omitempty"`
	// Replies match reply lines in this order; others may come between them.
	Replies []Pattern `yaml:"replies" json:"replies,omitempty"`
	// Exchanges match a command and a line of its own reply, in this order.
	Exchanges []Exchange `yaml:"exchanges" json:"exchanges,omitempty"`
	// Not matches no command line.
	Not []Pattern `yaml:"not" json:"not,omitempty"`
}

// Exchange is a command with its reply.
type Exchange struct {
	// Command matches the command line.
	Command Pattern `yaml:"command" json:"command" jsonschema:"required"`
	// Reply matches one line of what was answered to it.
	Reply Pattern `yaml:"reply" json:"reply" jsonschema:"required"`
}

// Log is satisfied by lines of this epoch's mail.log.
type Log struct {
	// Lines match log lines in this order; others may come between them.
	Lines []Pattern `yaml:"lines" json:"lines" jsonschema:"required"`
	// SameMessage demands that they carry one queue ID.
	SameMessage bool `yaml:"same_message" json:"same_message,omitempty"`
}

// File is satisfied by a regular file of the student's, not larger than 1 MiB.
type File struct {
	// Path is absolute, or below the home of the student's first account.
	Path string `yaml:"path" json:"path" jsonschema:"required"`
	// Text matches its content.
	Text Pattern `yaml:"text" json:"text,omitempty"`
	// NotText must not match it.
	NotText Pattern `yaml:"not_text" json:"not_text,omitempty"`
	// Executable demands that the owner may execute it.
	Executable bool `yaml:"executable" json:"executable,omitempty"`
}

// Run runs a script as the student in the home of the student's first account. What it writes is compared after
// carriage returns are taken out. In patterns and texts {messages} is, at that moment, the number of messages in the
// student's mailbox, and {run} a text that is new in each run and in all messages of Mail.
type Run struct {
	// Script is its path, absolute or below the home.
	Script string `yaml:"script" json:"script" jsonschema:"required"`
	// Args are handed to it.
	Args []string `yaml:"args" json:"args,omitempty"`
	// Stdin is what it reads; with Terminal it is typed.
	Stdin string `yaml:"stdin" json:"stdin,omitempty"`
	// Terminal gives it a terminal, so that stty works; Output is then what the screen showed, echo included.
	Terminal bool `yaml:"terminal" json:"terminal,omitempty"`
	// Files are put into its working directory before, by name.
	Files map[string]string `yaml:"files" json:"files,omitempty"`
	// Mail is delivered before; only to the student's own accounts.
	Mail []Message `yaml:"mail" json:"mail,omitempty"`
	// Output matches what it wrote.
	Output []Pattern `yaml:"output" json:"output,omitempty"`
	// NotOutput must not match what it wrote. A run of which nothing else is asked may take all its time.
	NotOutput []Pattern `yaml:"not_output" json:"not_output,omitempty"`
	// Exit is the exit code wanted; absent: any.
	Exit *int `yaml:"exit" json:"exit,omitempty" jsonschema:"minimum=0,maximum=255"`
	// Seconds is how long it may take.
	Seconds int `yaml:"seconds" json:"seconds" jsonschema:"minimum=1,maximum=60,default=10"`
	// Server says that it goes on running and listens; Mail is then sent once it does, and it is ended afterwards.
	Server *Server `yaml:"server" json:"server,omitempty"`
	// After is checked afterwards, over the evidence of this run alone.
	After *Check `yaml:"after" json:"after,omitempty"`
}

// Server is a script that listens.
type Server struct {
	// Port is where, on the sandbox's loopback.
	Port string `yaml:"port" json:"port" jsonschema:"required"`
}

// Message is one that a run sends.
type Message struct {
	// From is the envelope's sender; empty: the student's first account.
	From string `yaml:"from" json:"from,omitempty"`
	// To is the recipient, an address.
	To string `yaml:"to" json:"to" jsonschema:"required"`
	// Subject of the message.
	Subject string `yaml:"subject" json:"subject,omitempty"`
	// Body of the message.
	Body string `yaml:"body" json:"body,omitempty"`
}

// Answer is satisfied by the student's answer. Exactly one of Matches, Log, Reply and Token is set. Case, accents, the form
// of quotes and dashes, and blanks make no difference.
type Answer struct {
	// Matches is what a right answer matches.
	Matches Pattern `yaml:"matches" json:"matches,omitempty"`
	// Not is what a right answer does not match, beside Matches.
	Not Pattern `yaml:"not" json:"not,omitempty"`
	// Accepts are answers that must be right, in the words of students: validate tries them with Matches.
	Accepts []string `yaml:"accepts" json:"-"`
	// Refuses are answers that must be wrong.
	Refuses []string `yaml:"refuses" json:"-"`
	// Log has one group: the answer must hold what it caught in a line of this epoch's mail.log.
	Log Pattern `yaml:"log" json:"log,omitempty"`
	// Reply has one group: the answer must hold what it caught in a reply of a dialogue of the student's.
	Reply Pattern `yaml:"reply" json:"reply,omitempty"`
	// Token is the text that the answer must contain, usually {token}.
	Token string `yaml:"token" json:"token,omitempty"`
}

// Manual is satisfied by the teacher.
type Manual struct {
	// Look tells the teacher what to look for.
	Look Text `yaml:"look" json:"look,omitempty"`
}
