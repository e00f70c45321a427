// Package sandbox is the supervisor of one sandbox, run by labinit: root, the child of the container's init. It makes the
// container what its spec says (accounts, homes, mailboxes, names, time zone), cuts it off from everything but its
// gateway, opens the mail ports, runs maild and sshd, and serves maild's file broker. It reads nothing from the network.
//
// # What it promises
//
//   - Without the packet chain and without a default route nothing starts, nor where a student could take a port under 1024.
//   - The listeners are labinit's: when maild dies, connections wait for the next one, which comes within a second, and no
//     student can take the ports meanwhile.
//   - A password that a student changed with passwd survives the container, until the spec gives him another one.
//   - A spec is applied whole or refused: Configure answers after everything is in place, and a failure puts the old one back.
//   - When labinit's context ends, maild and sshd are asked to end, and killed after three seconds.
//
// # Files on the state volume, /var/lib/maillab
//
//	labinit/                    0700 root
//	  spec.json                 the spec as it came; unknown keys are kept
//	  shadow                    passwords that students changed: "HASH-OF-THE-SPEC SHADOW-LINE", one a line
//	  files                     start files that were put: "SHA-256 PATH", one a line
//	  ssh_host_ed25519_key      and .pub
//	  labinit.log, labinit.log.1
//	maild/                      0700 maild: queue, index, dialogues
//	log/                        0755 maild: mail.log, which everybody may read
//
// # Environment of labinit
//
// MAILLAB_TOKEN, MAILLAB_UID_BASE, MAILLAB_OUTSIDE, MAILLAB_GATEWAY, MAILLAB_RELAY, MAILLAB_SPEC, MAILLAB_PUBLISHED: see Config. maild gets MAILLAB_TOKEN,
// MAILLAB_RELAY, and broker.EnvDescriptors.
package sandbox
