#!/bin/sh
# Postfix as it was when the dialogues were captured (internal/mail/smtp/testdata/README.md), on three ports: 2525 with
# STARTTLS, 2526 with AUTH as well, 2527 with neither. A PROXY header says who the client is, so that each dialogue is
# somebody else's, and the log tells them apart. Port 2528 is for the daemon to relay to, with STARTTLS, which it logs;
# relayed.example is local there.
set -e
sed -i 's/^hosts:.*/hosts: files/' /etc/nsswitch.conf
postconf -e "$(postconf mydestination), relayed.example" myorigin=local.isri.fr relayhost= smtpd_relay_restrictions=reject_unauth_destination mynetworks=127.0.0.0/8 \
  proxy_interfaces=172.17.0.2 'alias_maps=texthash:/etc/postfix/reference' 'alias_database=' disable_dns_lookups=yes \
  notify_classes=resource,software,2bounce smtpd_sasl_auth_enable=no smtpd_sasl_path=smtpd smtpd_sasl_type=cyrus
printf '%s /dev/null\n' postmaster mailer-daemon abuse root > /etc/postfix/reference
mkdir -p /etc/postfix/sasl
printf 'pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN LOGIN\n' > /etc/postfix/sasl/smtpd.conf
echo master2021 | saslpasswd2 -p -c -u "$(postconf -h myhostname)" util1
chgrp postfix /etc/sasldb2
chmod 640 /etc/sasldb2
serve() {
  port=$1
  shift
  postconf -M -e "$port/inet=$port inet n - n - - smtpd $*"
}
serve 2525 -o smtpd_upstream_proxy_protocol=haproxy
serve 2526 -o smtpd_upstream_proxy_protocol=haproxy -o smtpd_sasl_auth_enable=yes
serve 2527 -o smtpd_upstream_proxy_protocol=haproxy -o smtpd_tls_security_level=none
serve 2528 -o smtpd_tls_loglevel=1
exec postfix start-fg
