package sandbox

// Where things are in the image and on the state volume.
const (
	maildProgram = "/usr/lib/maillab/maild"
	stateDir     = "/var/lib/maillab"
	ownDir       = stateDir + "/labinit"
	homesDir     = "/home"
	skelDir      = "/etc/skel"
)
