#!/bin/sh
# s-nail: the mail command of Debian and others, with a server of its own.
set -eu
case ${1-} in version) exec s-nail -V ;; esac
export HOME="$PWD"
scheme=smtp
case $TLS in starttls) set -- -S smtp-use-starttls ;; implicit) scheme=smtps && set -- ;; *) set -- ;; esac
[ "$CERT" = own ] || set -- "$@" -S tls-verify=ignore
user=$(printf %s "$ACCOUNT" | sed 's/@/%40/')
echo 'One page.' | s-nail -n -S v15-compat -S sendwait -S save=no -S hostname=client.contoso.example -S "from=$ACCOUNT" \
  -S "mta=$scheme://$user:$PASSWORD@$HOST:$PORT" "$@" -s 'Scan of 22 November' "$RECIPIENT"
