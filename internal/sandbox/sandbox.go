// Package sandbox is the supervisor of one sandbox, run by labinit: root, and PID 1 of the container. It makes the container
// what its spec says (accounts, homes, mailboxes, names, time zone), takes every network but loopback down, opens the mail
// ports there, keeps the sandbox registered at its gateway, runs maild, starts an sshd for each connection, and serves
// maild's file broker. It hands connections on and reads no byte that came through one.
//
// # What it promises
//
//   - While there is another network than loopback nothing starts, nor where a student could take a port under 1024.
//   - Of two on the same volumes the second starts nothing before the first has ended: an engine that had lost sight of a container may start
//     another beside it.
//   - It is registered within a second after its gateway serves, however often that comes and goes. What the gateway hands
//     over while there is no maild waits for the next one.
//   - Of connections to SSH that have not logged in there are never more than a number; one that has is never ended for it.
//   - The listeners are labinit's: when maild dies, connections wait for the next one, which comes within a second, and no
//     student can take the ports meanwhile.
//   - A password that a student changed with passwd survives the container, until the spec gives him another one.
//   - A spec is applied whole or refused: Configure answers after everything is in place, and a failure puts the old one back.
//   - When labinit's context ends, maild is asked to end, and killed after three seconds.
//
// # Files on the state volume, /var/lib/maillab
//
//	labinit/                    0700 root
//	  lock                      held by the supervisor that has the volumes
//	  spec.json                 the spec as it came; unknown keys are kept
//	  shadow                    passwords that students changed: "HASH-OF-THE-SPEC SHADOW-LINE", one a line
//	  numbers                   which of the sandbox's uids accounts have had, as JSON: {"util1":1,…}
//	  files                     start files that were put: "SHA-256 PATH", one a line
//	  ssh_host_ed25519_key      and .pub
//	  labinit.log, labinit.log.1
//	maild/                      0700 maild: queue, index, dialogues
//	log/                        0755 maild: mail.log, which everybody may read
//
// # Environment of labinit
//
// MAILLAB_TOKEN, MAILLAB_UID_BASE, MAILLAB_SPEC, MAILLAB_INCARNATION: see Config. maild gets broker.EnvDescriptors.
package sandbox
