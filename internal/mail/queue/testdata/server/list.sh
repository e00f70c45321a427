#!/bin/sh
# A list server as a student writes it: SMTP over nc, one connection at a time.
# usage: list.sh PORT FOLDER    each message goes to FOLDER/1, FOLDER/2, …
port=$1 folder=$2 n=0
cr=$(printf '\r')

say() { printf '%s\n' "$1"; }    # LF only, as students do

receive() {
    while IFS= read -r line; do
        line=${line%"$cr"}
        [ "$line" = . ] && return
        printf '%s\n' "$line" >> "$folder/partial"
    done
}

serve() {
    say "220 liste"
    while IFS= read -r line; do
        line=${line%"$cr"}
        echo "$line" >> "$folder/commands"
        case $line in
        HELO*|helo*) say "250 bonjour" ;;
        MAIL*) : > "$folder/partial"; say "250 ok" ;;
        RCPT*) say "250 ok" ;;
        DATA*) say "354 vas-y"; receive; mv "$folder/partial" "$folder/$1"; say "250 pris" ;;
        QUIT*) say "221 au revoir"; return ;;
        *) say "550 quoi ?" ;;
        esac
    done
}

mkfifo "$folder/answers"
while :; do
    n=$((n + 1))
    echo "$n" > "$folder/round"
    nc -N -l 127.0.0.1 "$port" < "$folder/answers" | serve $n > "$folder/answers"
done
