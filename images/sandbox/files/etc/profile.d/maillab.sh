# What a student sees at login, and where the mail is.
MAIL=/var/mail/$LOGNAME
export MAIL
if [ -t 1 ] && [ -r "/run/maillab/motd/$LOGNAME" ]; then
	cat "/run/maillab/motd/$LOGNAME"
fi
