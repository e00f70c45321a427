#!/bin/sh
# Postfix with policyd-spf, opendkim and opendmarc as mx.bob.lab. A PROXY header says who a client is, whose name is looked up
# at the name server beside it.
set -e
echo 'nameserver 127.0.0.1' > /etc/resolv.conf
sed -i 's/^hosts:.*/hosts: files dns/' /etc/nsswitch.conf
printf '127.0.0.1 localhost\n' > /etc/hosts
echo lab > /etc/public-suffixes
useradd -m bob
install -d -o bind -g bind /run/named
install -d -o opendkim /run/opendkim
install -d -o opendmarc /run/opendmarc
install -d -o opendkim -m 700 /etc/dkimkeys
opendkim-genkey -b 2048 -d bob.lab -s s1 -D /etc/dkimkeys
chown opendkim /etc/dkimkeys/*
rsyslogd
named -4 -u bind
opendkim
opendmarc
postconf -e myhostname=mx.bob.lab mydomain=bob.lab myorigin=bob.lab 'mydestination=$myhostname, $mydomain, localhost' inet_interfaces=all inet_protocols=ipv4 \
  mynetworks=127.0.0.0/8 relayhost= alias_maps= alias_database= mailbox_size_limit=0 mail_spool_directory=/var/mail biff=no compatibility_level=3.6 \
  smtpd_tls_security_level=none smtp_tls_security_level=none smtpd_relay_restrictions=permit_mynetworks,reject_unauth_destination \
  smtpd_recipient_restrictions=permit_mynetworks,reject_unauth_destination,check_policy_service,unix:private/policyd-spf policyd-spf_time_limit=3600 \
  smtpd_milters=inet:127.0.0.1:8891,inet:127.0.0.1:8893 milter_default_action=tempfail always_add_missing_headers=yes
postconf -M -e 'policyd-spf/unix=policyd-spf unix - n n - 0 spawn user=nobody argv=/usr/bin/policyd-spf' \
  '2525/inet=2525 inet n - n - 1 smtpd -o smtpd_upstream_proxy_protocol=haproxy'
exec postfix start-fg
