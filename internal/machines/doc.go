// Package machines makes several machines of one, for tests of a swarm: each is a network namespace on a bridge, with a Docker
// engine of its own in it, and processes and mounts of its own (so that all of it ends with one process), its sockets where they
// are on any machine. The engine of the machine itself is not touched.
//
// It needs Linux, root, dockerd and util-linux. What a killed test leaves (namespaces and a bridge, called after its process) the
// next takes away; its engines end with it.
package machines
