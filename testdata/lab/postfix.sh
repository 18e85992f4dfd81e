#!/bin/sh
# Postfix in the office: an instance of its own that gives everything to the MX
# host of the lab, $HOST:$PORT, with the certificate $CERT when there is one. It
# listens nowhere. One try to send the message on its input from $FROM to $TO;
# what became of it is printed.
set -eu
home=$(mktemp -d) # where its own users may go
trap 'rm -rf "$home"' EXIT
conf=$home/conf spool=$home/spool state=$home/state
mkdir -p "$conf" "$spool" "$state"
chmod 755 "$home"
chown postfix "$state"
cat >"$conf/main.cf" <<EOF
compatibility_level = 3.6
queue_directory = $spool
data_directory = $state
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = loopback-only
inet_protocols = ipv4
myhostname = relay.contoso.example
mydestination =
relayhost = [$HOST]:$PORT
alias_maps =
maillog_file = $spool/log
maillog_file_prefixes = $home
import_environment = MAIL_CONFIG
smtp_tls_security_level = verify
smtp_tls_verify_cert_match = localhost
smtp_tls_CAfile = $CA
EOF
if [ -n "${CERT-}" ]; then
  cp "$CERT" "$home/own.pem"
  chmod 600 "$home/own.pem"
  printf "%s\n" "smtp_tls_cert_file = $home/own.pem" "smtp_tls_key_file = $home/own.pem" >>"$conf/main.cf"
fi
cat >"$conf/master.cf" <<EOF
postlog   unix-dgram n -  n  -  1  postlogd
pickup    unix  n  -  n  60 1  pickup
cleanup   unix  n  -  n  -  0  cleanup
qmgr      unix  n  -  n  300 1 qmgr
rewrite   unix  -  -  n  -  -  trivial-rewrite
bounce    unix  -  -  n  -  0  bounce
defer     unix  -  -  n  -  0  bounce
trace     unix  -  -  n  -  0  bounce
tlsmgr    unix  -  -  n  1000? 1 tlsmgr
smtp      unix  -  -  n  -  -  smtp
error     unix  -  -  n  -  -  error
retry     unix  -  -  n  -  -  error
EOF
postfix -c "$conf" start
trap 'postfix -c "$conf" abort; rm -rf "$home"' EXIT
sendmail -C "$conf" -f "$FROM" "$TO"
for _ in $(seq 200); do
  grep -q ' status=' "$spool/log" 2>/dev/null && break
  sleep 0.1
done
cat "$spool/log"
