#!/bin/sh
# Prints the size of a shared library as built and stripped; fails when a limit in bytes is given and the stripped one
# reaches it.
set -eu
stripped=$(mktemp)
trap 'rm -f "$stripped"' EXIT
strip -o "$stripped" "$1"
bytes=$(stat -c %s "$stripped")
echo "size: $(basename "$(readlink -f "$1")"): $(stat -Lc %s "$1") bytes, stripped $bytes bytes"
[ "$bytes" -lt "${2:-1000000000}" ] || { echo "size: the limit is $2" >&2; exit 1; }
