package imap

import "context"

// state is what a command needs (RFC 3501, section 3), in ascending order.
type state uint8

const (
	anyState state = iota
	notLoggedIn
	loggedIn
	inMailbox
)

// syncing is what a command may tell of the mailbox's changes before its reply.
type syncing uint8

const (
	syncAll  syncing = iota
	syncKeep         // all but EXPUNGE: message numbers are in flight
	syncNot
)

// handler is how one command is dealt with. Without args it takes none.
type handler struct {
	state state
	sync  syncing
	args  bool
	run   func(c *conn, ctx context.Context, cmd *command) reply
}

// commands is the table of all commands.
func commands() map[string]handler {
	return map[string]handler{
		"CAPABILITY":   {run: (*conn).capability},
		"NOOP":         {run: (*conn).noop},
		"LOGOUT":       {run: (*conn).logout, sync: syncNot},
		"ID":           {run: (*conn).id, args: true},
		"STARTTLS":     {run: (*conn).starttls, state: notLoggedIn},
		"LOGIN":        {run: (*conn).login, state: notLoggedIn, args: true},
		"AUTHENTICATE": {run: (*conn).authenticate, state: notLoggedIn, args: true},

		"ENABLE":       {run: (*conn).enable, state: loggedIn, args: true},
		"NAMESPACE":    {run: (*conn).namespace, state: loggedIn},
		"LIST":         {run: (*conn).list, state: loggedIn, args: true},
		"LSUB":         {run: (*conn).lsub, state: loggedIn, args: true},
		"STATUS":       {run: (*conn).status, state: loggedIn, args: true},
		"SELECT":       {run: (*conn).selectBox, state: loggedIn, args: true, sync: syncNot},
		"EXAMINE":      {run: (*conn).selectBox, state: loggedIn, args: true, sync: syncNot},
		"CREATE":       {run: (*conn).create, state: loggedIn, args: true},
		"DELETE":       {run: (*conn).delete, state: loggedIn, args: true},
		"RENAME":       {run: (*conn).rename, state: loggedIn, args: true},
		"SUBSCRIBE":    {run: (*conn).subscribe, state: loggedIn, args: true},
		"UNSUBSCRIBE":  {run: (*conn).subscribe, state: loggedIn, args: true},
		"APPEND":       {run: (*conn).append, state: loggedIn, args: true},
		"IDLE":         {run: (*conn).idle, state: loggedIn},
		"GETQUOTA":     {run: (*conn).getQuota, state: loggedIn, args: true},
		"GETQUOTAROOT": {run: (*conn).getQuotaRoot, state: loggedIn, args: true},
		"SETQUOTA":     {run: (*conn).setQuota, state: loggedIn, args: true},
		"MYRIGHTS":     {run: (*conn).myRights, state: loggedIn, args: true},
		"GETACL":       {run: (*conn).getACL, state: loggedIn, args: true},
		"LISTRIGHTS":   {run: (*conn).listRights, state: loggedIn, args: true},
		"SETACL":       {run: (*conn).setACL, state: loggedIn, args: true},
		"DELETEACL":    {run: (*conn).setACL, state: loggedIn, args: true},

		"CHECK":       {run: (*conn).noop, state: inMailbox},
		"CLOSE":       {run: (*conn).closeBox, state: inMailbox, sync: syncNot},
		"UNSELECT":    {run: (*conn).unselect, state: inMailbox, sync: syncNot},
		"EXPUNGE":     {run: (*conn).expunge, state: inMailbox, sync: syncNot},
		"UID EXPUNGE": {run: (*conn).expunge, state: inMailbox, args: true, sync: syncNot},
		"FETCH":       {run: (*conn).fetch, state: inMailbox, args: true, sync: syncKeep},
		"UID FETCH":   {run: (*conn).fetch, state: inMailbox, args: true},
		"STORE":       {run: (*conn).store, state: inMailbox, args: true, sync: syncKeep},
		"UID STORE":   {run: (*conn).store, state: inMailbox, args: true},
		"SEARCH":      {run: (*conn).search, state: inMailbox, args: true, sync: syncKeep},
		"UID SEARCH":  {run: (*conn).search, state: inMailbox, args: true},
		"SORT":        {run: (*conn).sort, state: inMailbox, args: true, sync: syncKeep},
		"UID SORT":    {run: (*conn).sort, state: inMailbox, args: true},
		"THREAD":      {run: (*conn).thread, state: inMailbox, args: true, sync: syncKeep},
		"UID THREAD":  {run: (*conn).thread, state: inMailbox, args: true},
		"COPY":        {run: (*conn).copy, state: inMailbox, args: true},
		"UID COPY":    {run: (*conn).copy, state: inMailbox, args: true},
		"MOVE":        {run: (*conn).copy, state: inMailbox, args: true, sync: syncNot},
		"UID MOVE":    {run: (*conn).copy, state: inMailbox, args: true, sync: syncNot},
	}
}
