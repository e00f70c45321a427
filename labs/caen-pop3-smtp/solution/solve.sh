#!/bin/bash
# Plays the whole sheet through, as the student whose account runs it:
#   maillab exec alice -- bash -s < solve.sh
# What is to be typed is typed at a person's pace. Questions 3 and 8 also want the teacher's word: maillab mark.
cd "$HOME" || exit
domain=tpmail.info.unicaen.fr

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

cat >compte.sh <<'END'
#!/bin/bash
# Counts the mail and shows its subjects: login and password come on standard input.
printf 'identifiant : '
read -r login
printf 'mot de passe : '
stty -echo 2>/dev/null
read -r password
stty echo 2>/dev/null
echo
exec 3<>/dev/tcp/localhost/110 || exit
hear() { IFS= read -r line <&3 && line=${line%$'\r'}; }
say() { printf '%s\r\n' "$1" >&3 && hear; }
hear
say "user $login"
say "pass $password"
case $line in +OK*) ;; *) echo "refusé : $line" && exit 1 ;; esac
say stat
set -- $line
echo "$2 mail(s)"
for i in $(seq 1 "$2"); do
	say "top $i 0"
	while hear && [ "$line" != . ]; do
		case ${line,,} in subject:*) echo "-${line#*:}" ;; esac
	done
done
say quit
END
cat >liste.sh <<'END'
#!/bin/bash
# Sends the mail on standard input to all addresses in a file.
mail=$(cat)
exec 3<>/dev/tcp/localhost/25 || exit
hear() { while IFS= read -r line <&3; do case $line in ???-*) ;; *) break ;; esac done; }
say() { printf '%s\r\n' "$1" >&3 && hear; }
hear
say "helo $HOSTNAME"
say "mail from:<$USER>"
while read -r address; do
	[ -z "$address" ] || say "rcpt to:<$address>"
done <"$1"
say data
printf '%s\n' "$mail" | sed -e 's/^\./../' -e 's/$/\r/' >&3
say .
ended=$line
say quit
case $ended in 250*) ;; *) echo "$ended" >&2 && exit 1 ;; esac
END
cat >envoi.sh <<'END'
#!/bin/bash
# Sends the mail on standard input to whoever calls.
exec ./liste.sh <(echo "$USER@$(hostname -f)")
END
cat >serveur.sh <<'END'
#!/bin/bash
# A list: what comes by SMTP on a port goes to all addresses in a file.
port=$1 members=$2
fifo=$(mktemp -u) mail=$(mktemp)
mkfifo "$fifo"
trap 'rm -f "$fifo" "$mail"' EXIT
say() { printf '%s\r\n' "$1"; }
session() {
	say '220 liste'
	while IFS= read -r line; do
		case ${line^^} in
		EHLO*) say '502 HELO, svp' ;;
		HELO* | MAIL* | RCPT*) say '250 Ok' ;;
		DATA*)
			say '354 .'
			while IFS= read -r line && [ "${line%$'\r'}" != . ]; do
				line=${line%$'\r'}
				printf '%s\n' "${line#.}"
			done >"$mail"
			if ./liste.sh "$members" <"$mail" >/dev/null; then say '250 Ok'; else say '451 plus tard'; fi
			;;
		QUIT*) say '221 Au revoir' && return ;;
		*) say '500 ?' ;;
		esac
	done
}
while :; do
	nc -l 127.0.0.1 "$port" <"$fifo" | session >"$fifo"
done
END
chmod +x ./*.sh

printf 'Subject: essai\n\nEnvoyé par un programme.\n' | ./envoi.sh
printf 'USER %s\r\nPASS %s\r\nSTAT\r\nRETR 1\r\nQUIT\r\n' "$USER" "$USER" | nc -q 2 $domain 110 >/dev/null

by_hand 110 <<END &
user $USER
pass $USER
list
retr 1
quit
END
by_hand 25 <<END &
helo $domain
mail from: $USER
rcpt to: $USER@$domain
data
À moi-même.
.
quit
END
by_hand 25 <<END &
helo $domain
mail from: $USER
rcpt to: $USER@$domain
data
From: president@elysee.fr
To: tout-le-monde@example.org
Subject: vacances

Demain, pas de cours.
.
quit
END
wait

answer() { lab answer "$@" </dev/null >/dev/null || echo "$1: not passed yet"; }
answer q3-webmail "Un webmail est une page : le mail reste sur le serveur, le navigateur ne parle que HTTP. Un logiciel de mail parle POP3 ou IMAP et SMTP lui-même."
answer q5-securite "Identifiant et mot de passe passent en clair : qui écoute le réseau les lit."
answer q7-constat "Les faux champs s'affichent tels quels : le serveur n'a rien vérifié."
answer q8-solutions "SPF et DKIM prouvent le domaine, PGP ou S/MIME signent pour la personne."
lab check
