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
		"STARTTLS":     {run: knocking(stranger.starttls), state: notLoggedIn},
		"LOGIN":        {run: knocking(stranger.login), state: notLoggedIn, args: true},
		"AUTHENTICATE": {run: knocking(stranger.authenticate), state: notLoggedIn, args: true},

		"ENABLE":       {run: owner(account.enable), state: loggedIn, args: true},
		"NAMESPACE":    {run: owner(account.namespace), state: loggedIn},
		"LIST":         {run: owner(account.list), state: loggedIn, args: true},
		"LSUB":         {run: owner(account.lsub), state: loggedIn, args: true},
		"STATUS":       {run: owner(account.status), state: loggedIn, args: true},
		"SELECT":       {run: owner(account.selectBox), state: loggedIn, args: true, sync: syncNot},
		"EXAMINE":      {run: owner(account.selectBox), state: loggedIn, args: true, sync: syncNot},
		"CREATE":       {run: owner(account.create), state: loggedIn, args: true},
		"DELETE":       {run: owner(account.delete), state: loggedIn, args: true},
		"RENAME":       {run: owner(account.rename), state: loggedIn, args: true},
		"SUBSCRIBE":    {run: owner(account.subscribe), state: loggedIn, args: true},
		"UNSUBSCRIBE":  {run: owner(account.subscribe), state: loggedIn, args: true},
		"APPEND":       {run: owner(account.append), state: loggedIn, args: true},
		"IDLE":         {run: owner(account.idle), state: loggedIn},
		"GETQUOTA":     {run: owner(account.getQuota), state: loggedIn, args: true},
		"GETQUOTAROOT": {run: owner(account.getQuotaRoot), state: loggedIn, args: true},
		"SETQUOTA":     {run: owner(account.setQuota), state: loggedIn, args: true},
		"MYRIGHTS":     {run: owner(account.myRights), state: loggedIn, args: true},
		"GETACL":       {run: owner(account.getACL), state: loggedIn, args: true},
		"LISTRIGHTS":   {run: owner(account.listRights), state: loggedIn, args: true},
		"SETACL":       {run: owner(account.setACL), state: loggedIn, args: true},
		"DELETEACL":    {run: owner(account.setACL), state: loggedIn, args: true},

		"CHECK":       {run: (*conn).noop, state: inMailbox},
		"CLOSE":       {run: looking(viewer.closeBox), state: inMailbox, sync: syncNot},
		"UNSELECT":    {run: looking(viewer.unselect), state: inMailbox, sync: syncNot},
		"EXPUNGE":     {run: looking(viewer.expunge), state: inMailbox, sync: syncNot},
		"UID EXPUNGE": {run: looking(viewer.expunge), state: inMailbox, args: true, sync: syncNot},
		"FETCH":       {run: looking(viewer.fetch), state: inMailbox, args: true, sync: syncKeep},
		"UID FETCH":   {run: looking(viewer.fetch), state: inMailbox, args: true},
		"STORE":       {run: looking(viewer.store), state: inMailbox, args: true, sync: syncKeep},
		"UID STORE":   {run: looking(viewer.store), state: inMailbox, args: true},
		"SEARCH":      {run: looking(viewer.search), state: inMailbox, args: true, sync: syncKeep},
		"UID SEARCH":  {run: looking(viewer.search), state: inMailbox, args: true},
		"SORT":        {run: looking(viewer.sort), state: inMailbox, args: true, sync: syncKeep},
		"UID SORT":    {run: looking(viewer.sort), state: inMailbox, args: true},
		"THREAD":      {run: looking(viewer.thread), state: inMailbox, args: true, sync: syncKeep},
		"UID THREAD":  {run: looking(viewer.thread), state: inMailbox, args: true},
		"COPY":        {run: looking(viewer.copy), state: inMailbox, args: true},
		"UID COPY":    {run: looking(viewer.copy), state: inMailbox, args: true},
		"MOVE":        {run: looking(viewer.copy), state: inMailbox, args: true, sync: syncNot},
		"UID MOVE":    {run: looking(viewer.copy), state: inMailbox, args: true, sync: syncNot},
	}
}

// account is a connection on which somebody is logged in: the commands about mailboxes by name.
type account struct{ *conn }

// viewer is one with a mailbox selected: the commands about its messages.
type viewer struct{ *conn }

type run = func(c *conn, ctx context.Context, cmd *command) reply

// stranger is one on which nobody is logged in yet.
type stranger struct{ *conn }

// owner, looking and knocking make handlers of commands; their state says that there is a user, or a mailbox.
func owner(f func(account, context.Context, *command) reply) run {
	return func(c *conn, ctx context.Context, cmd *command) reply { return f(account{c}, ctx, cmd) }
}

func knocking(f func(stranger, context.Context, *command) reply) run {
	return func(c *conn, ctx context.Context, cmd *command) reply { return f(stranger{c}, ctx, cmd) }
}

func looking(f func(viewer, context.Context, *command) reply) run {
	return func(c *conn, ctx context.Context, cmd *command) reply { return f(viewer{c}, ctx, cmd) }
}
