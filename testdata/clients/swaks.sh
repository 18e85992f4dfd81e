#!/bin/sh
# swaks: picks the mechanism itself, never checks certificates.
set -eu
case ${1-} in version) exec swaks --version ;; esac
case $TLS in starttls) set -- -tls ;; implicit) set -- -tlsc ;; *) set -- ;; esac
exec swaks --server "$HOST" --port "$PORT" --from "$ACCOUNT" --to "$RECIPIENT" --ehlo client.contoso.example \
  --auth --auth-user "$ACCOUNT" --auth-password "$PASSWORD" --data - "$@"
