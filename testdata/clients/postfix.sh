#!/bin/sh
# Postfix as a client: an instance of its own with a relay host, a password and
# Debian's setting "smtp_tls_security_level = may". It listens nowhere. One try,
# then the message stays in its queue, which is removed.
set -eu
case ${1-} in version) exec postconf -d -h mail_version ;; esac
home=$(mktemp -d) # where its own users may go
trap 'rm -rf "$home"' EXIT
conf=$home/conf spool=$home/spool state=$home/state
mkdir -p "$conf" "$spool" "$state"
chmod 755 "$home"
chown postfix "$state"
level=may wrapper=no
case $TLS in starttls) level=encrypt ;; implicit) level=encrypt wrapper=yes ;; esac
cat >"$conf/main.cf" <<EOF
compatibility_level = 3.6
queue_directory = $spool
data_directory = $state
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = loopback-only
inet_protocols = ipv4
myhostname = client.contoso.example
mydestination =
relayhost = [$HOST]:$PORT
alias_maps =
maillog_file = $spool/log
maillog_file_prefixes = $home
import_environment = MAIL_CONFIG
smtp_tls_security_level = $level
smtp_tls_wrappermode = $wrapper
smtp_sasl_auth_enable = yes
smtp_sasl_security_options = noanonymous
smtp_sasl_password_maps = inline:{ [$HOST]:$PORT=$ACCOUNT:$PASSWORD }
EOF
cat >"$conf/master.cf" <<EOF
postlog   unix-dgram n -  n  -  1  postlogd
pickup    unix  n  -  n  60 1  pickup
cleanup   unix  n  -  n  -  0  cleanup
qmgr      unix  n  -  n  300 1 qmgr
rewrite   unix  -  -  n  -  -  trivial-rewrite
bounce    unix  -  -  n  -  0  discard
defer     unix  -  -  n  -  0  bounce
trace     unix  -  -  n  -  0  bounce
tlsmgr    unix  -  -  n  1000? 1 tlsmgr
smtp      unix  -  -  n  -  -  smtp
error     unix  -  -  n  -  -  error
retry     unix  -  -  n  -  -  error
EOF
postfix -c "$conf" start
trap 'postfix -c "$conf" abort; rm -rf "$home"' EXIT
sendmail -C "$conf" -f "$ACCOUNT" "$RECIPIENT"
for _ in $(seq 200); do
  grep -q ' status=' "$spool/log" 2>/dev/null && break
  sleep 0.1
done
cat "$spool/log"
grep -q ' status=sent' "$spool/log"
