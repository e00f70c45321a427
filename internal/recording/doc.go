// Package recording is what a terminal showed, as asciicast v3 (https://docs.asciinema.org/manual/asciicast/v3/): what
// asciinema and its player read, a teacher can export, and Play shows again.
//
// It promises: what is kept of one recording is bounded; a recording that was torn off is readable up to there; what was
// typed is not in it but as far as the terminal echoed it, and of that not what follows PASS, LOGIN and the like (Mask).
//
//	{"version":3,"term":{"cols":80,"rows":24},"timestamp":1774519740,"title":"alice"}
//	[0.248,"o","util1@test6isri:~$ "]        so many seconds after the event before: output
//	[3.5,"r","100x30"]                       the terminal has another size
//	[60.0,"m","reconnected"]                 a remark
package recording
