#!/bin/sh
# A CI job in shell:  maillab run -- sh shell.sh
set -eu

message=$(mktemp)
trap 'rm -f "$message"' EXIT
printf 'From: %s\nTo: %s\nSubject: from a shell job\n\nHello.\n' "$MAILLAB_USER_1" "$MAILLAB_USER_3" > "$message"

curl --silent --show-error "smtp://$MAILLAB_SMTP/ci.example.org" \
  --mail-from "$MAILLAB_USER_1@$MAILLAB_DOMAIN" --mail-rcpt "$MAILLAB_USER_3@$MAILLAB_DOMAIN" --upload-file "$message"

curl --silent --show-error "pop3://$MAILLAB_POP3/1" --user "$MAILLAB_USER_3:$MAILLAB_PASSWORD_3" | grep 'Subject: from a shell job'
curl --silent --show-error "imap://$MAILLAB_IMAP/INBOX;MAILINDEX=1" --user "$MAILLAB_USER_3:$MAILLAB_PASSWORD_3" | grep 'Hello.'
