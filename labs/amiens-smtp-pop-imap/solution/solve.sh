#!/bin/bash
# Plays the whole sheet through, as the student whose account runs it:
#   maillab exec alice -- bash -s < solve.sh
# What is to be typed is typed at a person's pace, in several dialogues at once; it takes about a minute.
cd "$HOME" || exit
me=$USER other=util1${USER#util} password=master2021

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

# send FROM TO: types an SMTP dialogue with the message on standard input; TO may be several words.
send() {
	{
		printf 'helo %s\nmail from: %s\n' "$HOSTNAME" "$1"
		printf 'rcpt to: %s\n' $2
		printf 'data\n'
		cat
		printf '.\nquit\n'
	} | by_hand 25
}

# answer TASK TEXT
answer() { lab answer "$@" </dev/null >/dev/null || echo "$1: the answer is not right"; }

# last PATTERN: the last thing in the log that the pattern's group catches (sed -E).
last() { sed -nE "s#$1#\1#p" /var/log/mail.log | tail -n 1; }

send "$me" "$other" <<END &
Un simple message.
END
wait
answer message-verifier "$(last '.*postfix/cleanup.*message-id=(<[^>]+>).*')"

send "$me" "$other" <<END &
Subject: un sujet

Un message avec un sujet.
END
send "$me" "$me $other" <<END &
To: $me
Subject: aux deux

Une enveloppe, deux destinataires.
END
send "$me" "$other" <<END &
From: $me
Subject: un fichier
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=-----0000000000

-------0000000000
Content-Type: text/plain; charset=utf-8

Le fichier est joint.
-------0000000000
Content-Type: text/plain; name=fichier.txt
Content-Disposition: attachment; filename=fichier.txt

$(cat fichier.txt)
-------0000000000--
END
send "$me" "$other" <<END &
Subject: une image
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=-----0000000000

-------0000000000
Content-Type: text/plain

L'image est jointe.
-------0000000000
Content-Type: image/jpeg; name=enveloppe.jpg
Content-Transfer-Encoding: base64

$(base64 enveloppe.jpg)
-------0000000000--
END
send "$me" "$me" <<END &
To: $me
Cc: $other
Subject: copie annoncée

L'en-tête l'annonce, l'enveloppe ne l'envoie pas.
END
wait # an account has room for so many processes only
send president@u-picardie.fr "$me@u-picardie.fr" <<END &
From: president@u-picardie.fr
Subject: convocation

Passez me voir.
END
send "$me" quelquun@example.org <<END &
Subject: dehors

Arrivera-t-il ?
END
send "$me" "$other" <<END &
From: direction@u-picardie.fr
To: tous@u-picardie.fr
Subject: note

L'enveloppe dit autre chose.
END
by_hand 143 <<END &
1234 login $me $password
1235 namespace
1236 select inbox
1237 uid fetch 1 body[header]
1238 fetch 1 body[text]
1239 close
1240 logout
END
by_hand 143 <<END &
a1 login $me $password
a2 select INBOX
a3 logout
END
by_hand 110 <<END &
user $me
pass $password
list
retr 1
quit
END
wait

by_hand 110 <<END &
user $other
pass $password
list
retr 2
quit
END

# A mail program does not wait between its lines.
printf 'EHLO %s\r\nMAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nDATA\r\nFrom: %s\r\nUser-Agent: Programme/1.0\r\nSubject: programme\r\n\r\nBonjour\r\n.\r\nQUIT\r\n' \
	"$HOSTNAME" "$me" "$other" "$me" | nc -q 2 localhost 25 >/dev/null
printf 'USER %s\r\nPASS %s\r\nSTAT\r\nRETR 1\r\nQUIT\r\n' "$other" "$password" | nc -q 2 localhost 110 >/dev/null

answer enveloppe "MAIL FROM et RCPT TO, puis DATA ; une ligne vide sépare les en-têtes du corps."
answer journal "$(last ".*postfix/local[^:]*: ([0-9A-Za-z]+): to=<$other@.*status=sent.*")"
answer cc-conclusion "Cci : la copie cachée"
answer bienvenue "$(grep -oE '[a-z2-9]{5}-[a-z2-9]{5}' "/var/mail/$me" | head -n 1)"
answer entetes-source "<$me@local.isri.fr>, dans Return-Path"
for _ in $(seq 60); do # the firewall lets the server wait
	waiting=$(last '.*postfix/smtp[^:]*: ([0-9A-Za-z]+): to=<.*relay=none.*status=deferred.*')
	[ -z "$waiting" ] || break
	sleep 0.5
done
answer adresse-exterieure "$waiting"
wait
lab check
