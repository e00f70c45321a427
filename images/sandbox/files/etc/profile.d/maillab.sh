# What a student sees at login, and where the mail is.
MAIL=/var/mail/$LOGNAME
export MAIL
if [ -t 1 ] && [ -r "/etc/maillab/motd/$LOGNAME" ]; then
	cat "/etc/maillab/motd/$LOGNAME"
fi
