#!/bin/bash
# Plays the lab through, as the student whose account runs it:
#   maillab exec alice -- bash -s < solve.sh
cd "$HOME" || exit

# by_hand PORT: types what is on standard input, each line some time after the answer to the one before was read. After
# DATA it pastes, up to the dot.
by_hand() (
	exec 3<>/dev/tcp/localhost/"$1" || exit
	pasting=no
	while IFS= read -r line; do
		if [ $pasting = no ]; then
			read -r -t 60 _ <&3
			ms=$((${#line} * 70 + 370 + RANDOM % 450))
			while read -r -t "$((ms / 1000)).$(printf %03d $((ms % 1000)))" _ <&3; do :; done
		fi
		printf '%s\r\n' "$line" >&3
		case ${line,,} in data) pasting=yes && read -r -t 60 _ <&3 ;; .) pasting=no ;; esac
	done
	while read -r -t 60 _ <&3; do :; done
)

by_hand 110 <<END
user $USER
pass hello
list
retr 1
quit
END
code=$(grep -oE '[a-z2-9]{5}-[a-z2-9]{5}' "/var/mail/$USER" | head -n 1)
lab answer read "$code" </dev/null >/dev/null || echo "read: the answer is not right"
by_hand 25 <<END
helo $HOSTNAME
mail from: $USER
rcpt to: tech
data
Subject: Re: hello

Hello technician.
.
quit
END
lab check
