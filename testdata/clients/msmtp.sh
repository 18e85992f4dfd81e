#!/bin/sh
# msmtp: one account, "auth on" so that it picks the mechanism.
set -eu
case ${1-} in version) exec msmtp --version ;; esac
umask 077
{
  printf 'account default\nhost %s\nport %s\nfrom %s\n' "$HOST" "$PORT" "$ACCOUNT"
  printf 'auth on\nuser %s\npassword %s\ndomain client.contoso.example\n' "$ACCOUNT" "$PASSWORD"
  case $TLS in starttls) echo 'tls on' ;; implicit) printf 'tls on\ntls_starttls off\n' ;; esac
  if [ "$TLS" != default ] && [ "$CERT" != own ]; then echo 'tls_certcheck off'; fi
} >msmtprc
exec msmtp --file=msmtprc -- "$RECIPIENT"
