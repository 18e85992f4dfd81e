#!/bin/sh
# Postfix as a client: a relay host, a password and Debian's setting
# "smtp_tls_security_level = may". A refused message has no bounce.
set -eu
case ${1-} in version) exec postconf -d -h mail_version ;; esac
. "$(dirname "$0")/../postfix/instance.sh"
level=may wrapper=no
case $TLS in starttls) level=encrypt ;; implicit) level=encrypt wrapper=yes ;; esac
instance client.contoso.example <<EOF
smtp_tls_security_level = $level
smtp_tls_wrappermode = $wrapper
smtp_sasl_auth_enable = yes
smtp_sasl_security_options = noanonymous
smtp_sasl_password_maps = inline:{ [$HOST]:$PORT=$ACCOUNT:$PASSWORD }
bounce_service_name = discard
EOF
deliver "$ACCOUNT" "$RECIPIENT"
grep -q ' status=sent' "$spool/log"
