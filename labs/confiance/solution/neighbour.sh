#!/bin/bash
# The neighbour's part, for alice: what her server has to judge.
cd "$HOME" || exit
address=$(drill "mx.$USER.lab" a | awk '$4 == "A" && NF == 5 {print $5; exit}')
printf '@ MX 10 mx\nmx A %s\n@ 0 TXT "v=spf1 mx -all"\n' "$address" >zone

# by_hand HOST: types what is on standard input, each line some time after the answer to the one before was read. After
# DATA it pastes, up to the dot.
by_hand() (
	exec 3<>/dev/tcp/"$1"/25 || exit
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

# wait_for FILE TEXT: until a line of a file has it.
wait_for() {
	for _ in $(seq 600); do
		grep -qE "$2" "$1" 2>/dev/null && return
		sleep 0.2
	done
	echo "$1: there is no $2" >&2
	return 1
}

# written SUBJECT: waits for a message of alice's.
written() { wait_for "/var/mail/$USER" "^Subject: $1"; }

until drill alice.lab txt | grep -q spf1; do sleep 0.5; done
by_hand mx.alice.lab <<END
helo $HOSTNAME
mail from:<alice@alice.lab>
rcpt to:<alice@alice.lab>
quit
END

written forward
echo hello | mail -r "$USER@$USER.lab" -s forwarded alice@alice.lab

written signed
signed=$(sed -n '/^DKIM-Signature/,$p' "/var/mail/$USER" | sed '/^From /,$d; s/^hello/hallo/')
by_hand mx.alice.lab <<END
helo $HOSTNAME
mail from:<$USER@$USER.lab>
rcpt to:<alice@alice.lab>
data
$signed
.
quit
END

# visible: alice's address where people see it.
visible() {
	by_hand mx.alice.lab <<END
helo $HOSTNAME
mail from:<$USER@$USER.lab>
rcpt to:<alice@alice.lab>
data
From: alice@alice.lab
Subject: $1

It is me.
.
quit
END
}
written quarantine
visible one
written reject
visible two

written score
lab dkim genkey s1 >/dev/null
cat dkim/s1.txt >>zone
by_hand mx.alice.lab <<END
helo $HOSTNAME
mail from:<$USER@$USER.lab>
rcpt to:<alice@alice.lab>
data

Buy now.
.
quit
END
echo hello | mail -r "$USER@$USER.lab" -s scored alice@alice.lab
