#!/bin/sh
# Postfix in the office: it gives everything to the MX host of the lab,
# $HOST:$PORT, with the certificate $CERT when there is one. One try to send the
# message on its input from $FROM to $TO; what became of it is printed.
set -eu
. "$(dirname "$0")/../postfix/instance.sh"
instance relay.contoso.example <<EOF
smtp_tls_security_level = verify
smtp_tls_verify_cert_match = localhost
smtp_tls_CAfile = $CA
EOF
if [ -n "${CERT-}" ]; then
  cp "$CERT" "$home/own.pem"
  chmod 600 "$home/own.pem"
  printf "%s\n" "smtp_tls_cert_file = $home/own.pem" "smtp_tls_key_file = $home/own.pem" >>"$conf/main.cf"
fi
deliver "$FROM" "$TO"
