#!/bin/bash
# Plays the lab through, as the student whose account runs it:
#   maillab exec alice -- bash -s < solve.sh
cd "$HOME" || exit
trap '' PIPE
log=/var/log/mail.log
address=$USER@$USER.lab

# A dialogue by hand: begin, then say a line after the time that typing it takes. The server's last line is $answer.
begin() { exec 3<>/dev/tcp/localhost/25 && hear; }
hear() { while IFS= read -r -t 60 answer <&3 && [[ $answer == ???-* ]]; do :; done; }
pause() { while read -r -t "$(($1 / 1000)).$(printf %03d $(($1 % 1000)))" _ <&3; do :; done; }
say() {
	pause $((${#1} * 70 + 370 + RANDOM % 450))
	printf '%s\r\n' "$1" >&3
	hear
}
# again COMMAND: until it is answered with 250.
again() { until [[ $answer == 250* ]]; do pause $((RANDOM % 900)) && say "$1"; done; }
paste() { sed 's/$/\r/' >&3 2>/dev/null; }

# wait_for FILE TEXT: until a line of a file has it.
wait_for() {
	for _ in $(seq 900); do
		grep -qE "$2" "$1" 2>/dev/null && return
		sleep 0.2
	done
	echo "$1: there is no $2" >&2
	return 1
}
solved() { lab check "$1" >/dev/null || lab check "$1" >&2; }
answer() { lab answer "$@" </dev/null >/dev/null || echo "$1: the answer is not right: $2" >&2; }

# envelope SUBJECT: to oneself, up to RCPT TO.
envelope() {
	say "mail from:<$address>"
	say "rcpt to:<$address>"
}

begin
say "helo $HOSTNAME"
envelope
while [[ $answer == 250* ]]; do
	say rset
	envelope
done
again "rcpt to:<$address>"
say data
paste <<<$'Subject: later\n\nAt last.\n.'
hear
say quit
wait_for $log 'status=sent .*mailbox'
solved later

echo hello | mail -s full "$USER"
wait_for $log 'status=deferred .*Disk quota exceeded'
id=$(grep -m1 'Disk quota exceeded' $log | sed -E 's/.*postfix\/local\[[0-9]+\]: ([^:]+):.*/\1/')
wait_for $log "$id: to=.*status=sent"
answer full "$id"

begin
say "ehlo $HOSTNAME"
envelope
again "rcpt to:<$address>"
say quit
answer grey "Spam software tries only once, a real server comes back"

begin
say "helo $HOSTNAME"
envelope
say data
paste <<<$'Subject: short\n\nA line.\n.'
hear
envelope
say data
{ echo "Subject: long" && echo && seq -f "This is line %.0f of the report." 40 && echo .; } | paste
wait_for $log 'lost connection after DATA'
answer cut "$(sed -nE 's/.*lost connection after DATA \(([0-9]+) bytes\).*/\1/p' $log | tail -n 1)"

until grep -q 'Name service error' $log; do
	echo hello | mail -s names bruno@bruno.lab
	for _ in $(seq 100); do
		grep -q 'Name service error' $log && break
		sleep 0.2
	done
done
answer names "the name server"

echo 100 sheets | mail -s order commande@papeterie.lab
wait_for $log 'to=<commande@papeterie.lab>.*status=bounced'
answer wrong-mx "$(sed -nE 's/.*papeterie.lab>.*name=([^ ]+) type=A.*/\1/p' $log | tail -n 1)"

echo quit | openssl s_client -starttls smtp -connect localhost:25 2>&1 | grep -q 'certificate has expired' && answer certificate "it has expired"
lab check
