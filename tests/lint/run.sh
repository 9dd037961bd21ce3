#!/bin/bash
# Looks at the sources without running them: format, arrows between rooms, scripts, cppcheck, clang-tidy. A tool that is
# not installed is named and passed over; `make deps-ci` installs them all.
set -u
cd "$(dirname "$0")/../.." || exit 1
failed=

have() {
    command -v "$1" >/dev/null 2>&1 || { echo "lint: $1 is not installed, skipped"; return 1; }
}
step() { # NAME COMMAND...
    local name=$1
    shift
    if "$@"; then
        echo "lint: $name: passed"
    else
        echo "lint: $name: FAILED"
        failed="$failed $name"
    fi
}

format() {
    find include lib tests examples -name '*.[ch]' -print0 | xargs -0 clang-format --dry-run -Werror
}

# The arrows must also be able to fail: a tree with one wrong include, one print and one file without a head comment.
arrows_fail() {
    local tree faults
    tree=$(mktemp -d)
    mkdir -p "$tree/lib/io" "$tree/lib/core" "$tree/lib/data" "$tree/tests/lint"
    printf '/* x */\n#include "train/train.h"\n#include <mobilenet/train.h>\n' >"$tree/lib/io/a.c"
    printf '/* x */\nvoid f(void) { printf("x"); }\n' >"$tree/lib/core/b.c"
    printf 'int x;\n#include "model/model.h"\n' >"$tree/lib/data/c.c"
    cp tests/lint/arrows "$tree/tests/lint/arrows"
    faults=$("$tree/tests/lint/arrows" | grep -cE '^lib/')
    rm -rf "$tree"
    [ "$faults" -eq 5 ] || { echo "lint: arrows found $faults of 5 faults"; return 1; }
}

scripts() {
    local script bad=0
    for script in .ci/deps .ci/run examples/cifar10.sh tests/run tests/gates tests/valgrind tests/*/*.sh; do
        bash -n "$script" || bad=1
        [ -x "$script" ] || { echo "$script: not executable"; bad=1; }
    done
    return $bad
}

INCLUDES="-Iinclude -Ilib $(pkg-config --cflags openblas 2>/dev/null)"
pkg-config --exists libpng libjpeg 2>/dev/null &&
    INCLUDES="$INCLUDES -DMBNI_HAVE_PNG -DMBNI_HAVE_JPEG $(pkg-config --cflags libpng libjpeg)"

static_analysis() {
    cppcheck --std=c11 --enable=warning,performance,portability --error-exitcode=1 --inline-suppr --quiet -j2 \
        -D_GNU_SOURCE -DMBNI_BLAS_OPENBLAS -Iinclude -Ilib \
        --suppress=missingIncludeSystem lib
}

tidy() {
    printf '%s\0' lib/*/*.c lib/kernels/*/*.c | xargs -0 -P2 -n8 sh -c '
        flags=$1; shift
        clang-tidy --quiet "$@" -- -std=c11 -D_GNU_SOURCE -DMBNI_BLAS_OPENBLAS $flags 2>/dev/null' sh "$INCLUDES"
}

step arrows tests/lint/arrows
step "arrows can fail" arrows_fail
step scripts scripts
step "make deps" tests/lint/deps.sh
have clang-format && step format format
have cppcheck && step cppcheck static_analysis
have clang-tidy && step clang-tidy tidy
[ -z "$failed" ] || { echo "lint: failed:$failed"; exit 1; }
