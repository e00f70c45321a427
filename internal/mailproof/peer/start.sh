#!/bin/sh
postfix start
exec dovecot -F
