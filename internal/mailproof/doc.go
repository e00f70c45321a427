// Package mailproof proves and measures the mail daemon as a whole, from outside: over its ports, with its files. It is
// tests only.
//
//   - Torture: a daemon that is killed again and again under load, with full disks, broken writes and mail readers in its
//     files, loses nothing that it acknowledged. MAILLAB_TORTURE=5m makes it long (make torture).
//   - Many at once: sessions of all protocols on one mailbox, held against a model.
//   - Slow and hostile peers, and real clients.
//   - Beside others: a Postfix (peer/), and one that judges as Debian has it, with policyd-spf, opendkim, opendmarc and BIND (judges/),
//     get the same; replies, mail.log and mailboxes are the same but for what is meant.
//   - MAILLAB_BENCH_MAIL=1 measures it beside Postfix and Dovecot in a container that is made from peer/ (make bench-mail).
//
// The daemon is the test binary again, in a process of its own: see daemon.
package mailproof
