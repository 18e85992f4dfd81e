#!/bin/sh
# openssl s_client at one TLS version, VERSION ("tls1", "tls1_1", ...): it does
# the handshake, and this file the few lines that sign in.
set -eu
case ${1-} in version) exec openssl version ;; esac
case $TLS in starttls) set -- -starttls smtp -name client.contoso.example ;; *) set -- ;; esac
secret=$(printf '\000%s\000%s' "$ACCOUNT" "$PASSWORD" | base64 -w 0)
printf 'EHLO client.contoso.example\nAUTH PLAIN %s\nMAIL FROM:<%s>\nRCPT TO:<%s>\nQUIT\n' "$secret" "$ACCOUNT" "$RECIPIENT" |
  openssl s_client -quiet -crlf -connect "$HOST:$PORT" "-$VERSION" -cipher DEFAULT@SECLEVEL=0 "$@"
