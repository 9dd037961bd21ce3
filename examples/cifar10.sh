#!/bin/sh
# Finds the binary version of CIFAR-10 and prints its directory, or prints nothing where there is none; says on
# stderr what it does. Looked for in this order:
#   1. $CIFAR10_DIR, taken as it is
#   2. DIRECTORY (the argument, build/cifar10 by default), where an earlier run left it
#   3. ../shared/cifar10, unpacked into DIRECTORY and checked against its SHA256SUMS
#   4. the official archive, downloaded into DIRECTORY and checked; --offline leaves this out
set -eu
cd "$(dirname "$0")/.."
url=https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz
md5=c32a1d4ab5d03f1284b67883e8d87530

offline=
[ "${1:-}" != --offline ] || { offline=1; shift; }
directory=${1:-build/cifar10}

if [ -n "${CIFAR10_DIR:-}" ]; then
    [ -d "$CIFAR10_DIR" ] || { echo "cifar10: CIFAR10_DIR is $CIFAR10_DIR, which is no directory" >&2; exit 1; }
    echo "$CIFAR10_DIR"
    exit 0
fi
[ ! -e "$directory/data_batch_5.bin" ] || { echo "$directory"; exit 0; }

# Everything is made aside and renamed when it is whole and its sums are right.
mkdir -p "$(dirname "$directory")"
aside=$(mktemp -d "$directory.XXXXXX")
trap 'rm -rf "$aside"' EXIT
trap 'exit 1' HUP INT TERM
finish() {
    chmod 755 "$aside"
    rm -rf "$directory"
    mv "$aside" "$directory"
    echo "$directory"
    exit 0
}

if [ -e ../shared/cifar10/data_batch_1.bin.xz ]; then
    echo "cifar10: unpacking ../shared/cifar10 into $directory" >&2
    for batch in ../shared/cifar10/*.bin.xz; do
        xz -dc "$batch" >"$aside/$(basename "$batch" .xz)"
    done
    cp ../shared/cifar10/SHA256SUMS "$aside/SHA256SUMS"
    (cd "$aside" && sha256sum -c --quiet SHA256SUMS >&2) || {
        echo "cifar10: ../shared/cifar10 does not have the sums of its SHA256SUMS" >&2
        exit 1
    }
    finish
fi

[ -z "$offline" ] || exit 0
command -v curl >/dev/null 2>&1 || { echo "cifar10: no curl to download CIFAR-10 with" >&2; exit 0; }
echo "cifar10: downloading $url (170 MB) into $directory" >&2
# A machine without a network gives up within seconds; a slow one may take 20 minutes.
curl --fail --location --silent --show-error --connect-timeout 5 --speed-limit 20000 --speed-time 10 --max-time 1200 \
    --output "$aside/archive.tar.gz" "$url" || { echo "cifar10: no download" >&2; exit 0; }
echo "$md5  $aside/archive.tar.gz" | md5sum -c --quiet - >&2 || {
    echo "cifar10: the archive does not have the published MD5 sum $md5" >&2
    exit 0
}
tar -xzf "$aside/archive.tar.gz" -C "$aside" --strip-components=1
rm "$aside/archive.tar.gz"
[ -e "$aside/data_batch_5.bin" ] || { echo "cifar10: the archive has no data_batch_5.bin" >&2; exit 0; }
finish
