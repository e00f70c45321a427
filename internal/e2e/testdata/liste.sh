#!/bin/sh
# liste.sh PORT MEMBERS: a list server as a student writes one. It takes one message by SMTP and sends it to all members.
port=$1 members=$2 mail=$(mktemp) in=$(mktemp -u)
mkfifo "$in"
say() { printf '%s\r\n' "$*"; }
receive() {
	say 220 liste
	data=
	while IFS= read -r line; do
		line=$(printf %s "$line" | tr -d '\r')
		if [ -n "$data" ]; then
			if [ "$line" = . ]; then
				data=
				say 250 taken
			else
				printf '%s\n' "${line#.}" >>"$mail"
			fi
			continue
		fi
		case $line in
		[Hh][Ee][Ll][Oo]* | [Mm][Aa][Ii][Ll]* | [Rr][Cc][Pp][Tt]*) say 250 ok ;;
		[Dd][Aa][Tt][Aa]*) data=1; say 354 go ahead ;;
		[Qq][Uu][Ii][Tt]*) say 221 bye; return ;;
		*) say 500 what ;;
		esac
	done
}
echo "listening on $port"
receive <"$in" | nc -l -N 127.0.0.1 "$port" >"$in"
n=0
while read -r member; do
	{
		printf 'HELO liste\r\nMAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nDATA\r\n' "$LOGNAME" "$member"
		sed 's/^\./../; s/$/\r/' "$mail"
		printf '.\r\nQUIT\r\n'
	} | while IFS= read -r line; do printf '%s\n' "$line"; sleep 0.05; done | nc -w 5 localhost 25 >/dev/null
	n=$((n + 1))
done <"$members"
echo "sent to $n"
