#!/bin/sh
# curl: one message over SMTP, as scripts send it.
set -eu
case ${1-} in version) exec curl --version ;; esac
scheme=smtp
case $TLS in starttls) set -- --ssl-reqd ;; implicit) scheme=smtps && set -- ;; *) set -- ;; esac
[ "$CERT" = own ] || set -- "$@" --insecure
exec curl --silent --show-error --mail-from "$ACCOUNT" --mail-rcpt "$RECIPIENT" --user "$ACCOUNT:$PASSWORD" \
  --upload-file - "$@" "$scheme://$HOST:$PORT/client.contoso.example"
