said=$(mktemp)
trap 'rm -f "$said"' EXIT

# connected PORT: the server, as file 3. Inside of a sandbox it is this machine.
connected() {
	at=localhost:$1
	case $1 in 25) at=${MAILLAB_SMTP:-$at} ;; 110) at=${MAILLAB_POP3:-$at} ;; 143) at=${MAILLAB_IMAP:-$at} ;; esac
	exec 3<>"/dev/tcp/${at%:*}/${at##*:}"
}

# hear [SECONDS]: one line of the server's, noted in $said.
hear() { read -r -t "${1:-60}" line <&3 && printf '%s\n' "$line" >>"$said"; }

# by_hand PORT: types what is on standard input, each line some time after the answer to the one before was read. After
# DATA it pastes, up to the dot.
by_hand() (
	connected "$1" || exit
	pasting=no
	while IFS= read -r line_typed; do
		if [ $pasting = no ]; then
			hear
			ms=$((${#line_typed} * 70 + 370 + RANDOM % 450))
			while hear "$((ms / 1000)).$(printf %03d $((ms % 1000)))"; do :; done
		fi
		printf '%s\r\n' "$line_typed" >&3
		case ${line_typed,,} in data) pasting=yes && hear ;; .) pasting=no ;; esac
	done
	while hear; do :; done
)

# at_once PORT: sends what is on standard input as a program does.
at_once() (
	connected "$1" || exit
	hear
	sed 's/$/\r/' >&3
	while hear; do :; done
)

if [ -n "$MAILLAB_INSTANCE" ]; then
	lab() { "${MAILLAB:-maillab}" -n "$MAILLAB_INSTANCE" lab ${MAILLAB_STUDENT:+--student "$MAILLAB_STUDENT"} "$@"; }
	log() { "${MAILLAB:-maillab}" -n "$MAILLAB_INSTANCE" logs $MAILLAB_STUDENT; }
else
	log() { cat /var/log/mail.log; }
fi

# last PATTERN: what the pattern's group catches last in the text on standard input.
last() { sed -nE "s#.*$1.*#\1#p" | tr -d '\r' | tail -n 1; }

# answer TASK TEXT
answer() { lab answer "$@" </dev/null >/dev/null || echo "$1: the answer is not right"; }
