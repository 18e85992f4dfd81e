#!/bin/sh
# Exim as a client: one delivery in the foreground, with the authenticators of
# Debian's example. It listens nowhere. EXIM is the program.
set -eu
case ${1-} in version) exec "$EXIM" -bV ;; esac
chmod 755 "$PWD"
mkdir -p spool
chown Debian-exim spool
umask 077
protocol=smtp require=
case $TLS in starttls) require='hosts_require_tls = *' ;; implicit) protocol=smtps ;; esac
cat >conf <<EOF
exim_user = Debian-exim
exim_group = Debian-exim
spool_directory = $PWD/spool
log_file_path = $PWD/spool/%slog
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
"$EXIM" -C "$PWD/conf" -odf -oi -f "$ACCOUNT" "$RECIPIENT"
cat spool/mainlog
grep -q ' => ' spool/mainlog
