#!/bin/sh
# Exim as a client: one delivery in the foreground, with the authenticators of
# Debian's example. It listens nowhere. EXIM is the program, if it is not in the path.
set -eu
: "${EXIM:=exim4}"
case ${1-} in version) exec "$EXIM" -C /dev/null -bV ;; esac
home=$(mktemp -d) # where its own user may go
trap 'rm -rf "$home"' EXIT
chmod 755 "$home"
mkdir "$home/spool"
chown Debian-exim "$home/spool"
cp "$EXIM" "$home/exim" # it runs itself again, as that user
umask 077
protocol=smtp require=
case $TLS in starttls) require='hosts_require_tls = *' ;; implicit) protocol=smtps ;; esac
cat >"$home/conf" <<EOF
exim_path = $home/exim
exim_user = Debian-exim
exim_group = Debian-exim
spool_directory = $home/spool
log_file_path = $home/spool/%slog
primary_hostname = client.contoso.example
local_interfaces = <; 
queue_only = false
keep_environment =
trusted_users = root
begin routers
relay:
  driver = manualroute
  transport = relay
  route_list = * $HOST
  self = send
  host_find_failed = defer
begin transports
relay:
  driver = smtp
  protocol = $protocol
  port = $PORT
  hosts_try_auth = *
  hosts_try_fastopen =
  $require
begin retry
* * F,1h,1h
begin authenticators
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  client_name = $ACCOUNT
  client_secret = $PASSWORD
login:
  driver = plaintext
  public_name = LOGIN
  client_send = : $ACCOUNT : $PASSWORD
plain:
  driver = plaintext
  public_name = PLAIN
  client_send = ^$ACCOUNT^$PASSWORD
EOF
chgrp Debian-exim "$home/conf"
chmod 640 "$home/conf"
"$home/exim" -C "$home/conf" -odf -oi -f "$ACCOUNT" "$RECIPIENT"
cat "$home/spool/mainlog"
grep -q ' => ' "$home/spool/mainlog"
