#!/bin/sh
# Tries .ci/deps on machines that are not there: stand-ins for apt-get, dpkg-query, id and sudo show what it would do.
set -eu
cd "$(dirname "$0")/../.."
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT

stand_in() { # NAME BODY
    printf '#!/bin/sh\n%s\n' "$2" >"$bin/$1"
    chmod +x "$bin/$1"
}
link() {
    ln -sf "$(command -v "$1")" "$bin/$1"
}
expect() { # NAME STATUS PATTERN: of the run with the stand-ins
    status=0
    output=$(PATH=$bin .ci/deps deps 2>&1) || status=$?
    if [ "$status" -ne "$2" ] || ! printf '%s\n' "$output" | grep -qE "$3"; then
        echo "deps: $1: status $status, output: $output"
        exit 1
    fi
}

link sh
link env
# Another system: names the packages, looks for what is there.
link make
stand_in cc ''
stand_in pkg-config ''
expect "other system, all there" 0 'names: gcc .*libopenblas-dev'
rm "$bin/cc"
expect "other system, no compiler" 1 'missing: cc$'

# Debian.
stand_in apt-get 'echo "apt-get $*"'
stand_in id 'echo 0'
stand_in dpkg-query 'echo "installed "'
expect "all installed" 0 '^$'
stand_in dpkg-query 'case "$3" in gcc | check) exit 1 ;; esac; echo "installed "'
expect "root" 0 'apt-get install .*--no-install-recommends gcc check$'
stand_in id 'echo 1000'
expect "neither root nor sudo" 1 'needs root.* gcc check$'
stand_in sudo 'echo "sudo $*"'
expect "sudo" 0 'sudo env DEBIAN_FRONTEND=noninteractive apt-get install .* gcc check$'
