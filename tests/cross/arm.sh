#!/bin/bash
# Builds the library and tests for 64-bit Arm and runs them under qemu's user mode. BUILD and MAKE come from `make check-arm`.
# zlib and Check for Arm are Debian's own packages, unpacked below BUILD: nothing of the machine's package state changes.
# Where a tool or those packages cannot be had, says so and passes, except under CI, where nothing may be missing.
set -u
cd "$(dirname "$0")/../.." || exit 1
# Absolute, so that apt-get, which works elsewhere, finds it.
arm=$(realpath -m "$BUILD/arm")
sysroot=$arm/sysroot

skip() {
    echo "check-arm: $1; skipped"
    [ -z "${CI:-}" ]
    exit
}
for tool in aarch64-linux-gnu-gcc qemu-aarch64; do
    command -v $tool >/dev/null || skip "$tool is not installed (make deps-ci installs it)"
done

# apt-get with lists of its own, of another architecture.
apt() {
    apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User=root \
        -o Dir::State::Lists="$sysroot/lists" -o Dir::Cache="$sysroot/cache" "$@"
}
fetch() {
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return 1
    rm -rf "$sysroot" && mkdir -p "$sysroot/lists/partial" "$sysroot/cache/archives/partial" "$sysroot/debs" || return 1
    apt update && (cd "$sysroot/debs" && apt download zlib1g-dev check libsubunit-dev) || return 1
    for package in "$sysroot"/debs/*.deb; do
        dpkg-deb -x "$package" "$sysroot" || return 1
    done
    rm -rf "$sysroot/lists" "$sysroot/cache" "$sysroot/debs"
    touch "$sysroot/complete"
}
[ -e "$sysroot/complete" ] || fetch || skip "zlib and Check for arm64 could not be fetched with apt-get"

# Static programs need no loader and no libraries at run time. The headers that are not of Arm alone lie in usr/include.
CI= "$MAKE" --no-print-directory BUILD="$arm" CC=aarch64-linux-gnu-gcc AR=aarch64-linux-gnu-ar PKG_CONFIG=false BLAS=none \
    CFLAGS="-Werror -isystem $sysroot/usr/include -isystem $sysroot/usr/include/aarch64-linux-gnu" \
    LDFLAGS="-static -L$sysroot/usr/lib/aarch64-linux-gnu" "${@/#/$arm/}" || exit 1

# One starter for each program, so that tests/run can run them as if they were native.
starters=()
for program in "$@"; do
    starter=$arm/run/$program
    mkdir -p "${starter%/*}"
    printf '#!/bin/sh\nexec qemu-aarch64 "%s" "$@"\n' "$arm/$program" >"$starter" && chmod +x "$starter" || exit 1
    starters+=("$starter")
done
tests/run "${starters[@]}"
