# A Postfix instance of its own that gives everything to $HOST:$PORT and listens
# nowhere. Sourced by the scripts that send with Postfix.
#
#   instance NAME      makes the configuration in $conf, more settings on stdin
#   deliver FROM TO    starts it, sends the message on stdin, and prints its log
#                      after one try; what was not sent stays in its queue,
#                      which is removed
home=$(mktemp -d) # where its own users may go
trap 'rm -rf "$home"' EXIT
conf=$home/conf spool=$home/spool state=$home/state

instance() {
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
myhostname = $1
mydestination =
relayhost = [$HOST]:$PORT
alias_maps =
maillog_file = $spool/log
maillog_file_prefixes = $home
import_environment = MAIL_CONFIG
EOF
  cat >>"$conf/main.cf"
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
discard   unix  -  -  n  -  -  discard
EOF
}

deliver() {
  postfix -c "$conf" start
  trap 'postfix -c "$conf" abort; rm -rf "$home"' EXIT
  sendmail -C "$conf" -f "$1" "$2"
  for _ in $(seq 200); do
    grep -q ' status=' "$spool/log" 2>/dev/null && break
    sleep 0.1
  done
  cat "$spool/log"
}
