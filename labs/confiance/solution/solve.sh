#!/bin/bash
# Plays the lab through, as the student whose account runs it, while bruno plays neighbour.sh:
#   maillab exec bruno -- bash -s < neighbour.sh & maillab exec alice -- bash -s < solve.sh
cd "$HOME" || exit
log=/var/log/mail.log
domain=$USER.lab

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

# zone TEXT: the records, with what is there always.
zone() { printf '@ MX 10 mx\nmx A %s\n%s\n' "$address" "$*" >zone; }
address=$(drill "mx.$domain" a | awk '$4 == "A" && NF == 5 {print $5; exit}')

by_hand localhost <<END
helo $HOSTNAME
mail from:<chloe@chloe.lab>
rcpt to:<bruno@bruno.lab>
data
Subject: forged

Am I chloe?
.
quit
END
wait_for $log 'to=<bruno@bruno.lab>, relay=mx.bruno.lab.*status=sent'

spf='@ 0 TXT "v=spf1 mx -all"'
zone "$spf"
wait_for $log 'policyd-spf.* 550 5.7.23 .*id=alice@alice.lab;'

echo bruno@bruno.lab >.forward
echo go | mail -r "$USER@$USER.lab" -s forward bruno@bruno.lab
wait_for $log 'orig_to=<alice@alice.lab>.*status=bounced .*5.7.23'
rm .forward

lab dkim genkey s1 >/dev/null
zone "$spf
$(cat dkim/s1.txt)"
lab dkim >/dev/null || lab dkim
echo hello | mail -r "$USER@$USER.lab" -s signed bruno@bruno.lab
wait_for $log 'bad signature data'

zone "$spf
$(cat dkim/s1.txt)
_dmarc 0 TXT \"v=DMARC1; p=quarantine\""
echo go | mail -r "$USER@$USER.lab" -s quarantine bruno@bruno.lab
wait_for $log 'delivered to file: ~/mail/Junk'

sed -i 's/p=quarantine/p=reject/' zone
echo go | mail -r "$USER@$USER.lab" -s reject bruno@bruno.lab
wait_for $log 'milter-reject: .*rejected by DMARC policy for alice.lab'
lab check visible >/dev/null
lab answer why "the domains are not aligned" </dev/null >/dev/null || echo "why: the answer is not right"

echo go | mail -r "$USER@$USER.lab" -s score bruno@bruno.lab
wait_for "/var/mail/$USER" '^Subject: scored'
name=$(grep -oE 'DKIM_VALID\b' "/var/mail/$USER" | tail -n 1)
lab answer score "$name" </dev/null >/dev/null || echo "score: the answer is not right: $name"
lab check
