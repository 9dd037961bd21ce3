#!/bin/bash
# Uses the library as a stranger does: a staged install, programs compiled with what pkg-config answers, shared and
# static, and everything removed again. The programs are this folder's consumer.c and, where ../shared has them, the
# acceptance programs there, unchanged.
set -euo pipefail
cd "$(dirname "$0")/../.."
BUILD=${BUILD:-build}
CC=${CC:-cc}
shared=$(realpath -m ../shared)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
stage=$work/stage
prefix=/opt/mobilenet
lib=$stage$prefix/lib
passed=0

fail() {
    echo "acceptance: $*"
    exit 1
}
pass() {
    passed=$((passed + 1))
    echo "acceptance: $*"
}

"${MAKE:-make}" --no-print-directory BUILD="$BUILD" DESTDIR="$stage" PREFIX=$prefix install >"$work/install.log"
for file in lib/libmobilenet.a lib/libmobilenet.so lib/pkgconfig/libmobilenet.pc include/mobilenet/mobilenet.h; do
    [ -e "$stage$prefix/$file" ] || fail "install left no $file"
done
[ -z "$(find "$stage" -type f ! -path "$stage$prefix/*")" ] || fail "install wrote outside its prefix"
# The .pc must not know where it was staged or built.
! grep -qF -e "$work" -e "$PWD" "$lib/pkgconfig/libmobilenet.pc" || fail "libmobilenet.pc names the build's folders"
pass "staged install in $prefix"

export PKG_CONFIG_PATH=$lib/pkgconfig
# Debian's way to use a staged .pc: its prefix is computed from where the file lies.
pc() {
    pkg-config --define-prefix "$@" libmobilenet
}
version=$(sed -n 's/^#define MBN_VERSION_[A-Z]* //p' include/mobilenet/version.h | paste -sd.)
[ "$(pc --modversion)" = "$version" ] || fail "pkg-config says version $(pc --modversion), the header $version"
case " $(pc --libs) " in *" -lz "* | *openblas*) fail "pkg-config --libs names private libraries: $(pc --libs)" ;; esac

# A copy with the static library only, so that -lmobilenet means it.
mkdir "$work/static"
cp -r "$stage$prefix/." "$work/static"
rm "$work"/static/lib/libmobilenet.so*
static_flags() {
    PKG_CONFIG_PATH=$work/static/lib/pkgconfig pkg-config --define-prefix --static --cflags --libs libmobilenet
}

# build NAME SOURCE: NAME linked shared, NAME.static linked statically.
build() {
    $CC -std=c11 -Wall -Wextra -Werror "$2" $(pc --cflags --libs) -o "$work/$1"
    $CC -std=c11 -Wall -Wextra -Werror "$2" $(static_flags) -o "$work/$1.static"
    readelf -d "$work/$1" | grep -q 'NEEDED.*libmobilenet' || fail "$1 does not use the shared library"
    ! readelf -d "$work/$1.static" | grep -q 'NEEDED.*libmobilenet' || fail "$1.static uses the shared library"
}
run() { # NAME ARGUMENT...: both programs; their output must be the same
    local name=$1
    shift
    (cd "$work" && LD_LIBRARY_PATH=$lib "./$name" "$@" >"$name.out") || fail "$name failed"
    (cd "$work" && "./$name.static" "$@" >"$name.static.out") || fail "$name.static failed"
}

build consumer tests/acceptance/consumer.c
run consumer
grep -q "^version $version, parameters 3239114, probabilities sum to 1.000$" "$work/consumer.out" ||
    fail "consumer said: $(cat "$work/consumer.out")"
cmp -s "$work/consumer.out" "$work/consumer.static.out" || fail "consumer answers otherwise when linked statically"
# It does not train, and so links nothing of training.
! nm "$work/consumer.static" | grep -q 'mbni_train_kernels_select' || fail "a program that only predicts links training kernels"
pass "consumer.c, shared and static"

if command -v c++ >/dev/null 2>&1; then
    c++ -x c++ -std=c++17 -Wall -Wextra -Werror tests/acceptance/consumer.c -x none $(pc --cflags --libs) -o "$work/consumer-cc"
    LD_LIBRARY_PATH=$lib "$work/consumer-cc" | cmp -s - "$work/consumer.out" || fail "consumer.c as C++ answers otherwise"
    pass "consumer.c as C++17"
else
    echo "acceptance: no C++ compiler, consumer.c as C++ skipped"
fi

if [ -e "$shared/acceptance/layers.c" ]; then
    build layers "$shared/acceptance/layers.c"
    run layers
    for number in 288 128 2048 256 2336; do
        grep -q " $number\$\| $number " "$work/layers.out" || fail "layers.c did not print $number: $(cat "$work/layers.out")"
    done
    cmp -s "$work/layers.out" "$work/layers.static.out" || fail "layers.c answers otherwise when linked statically"
    pass "layers.c: 288, 128, 2048, 256 and 2336 parameters"

    build threads "$shared/acceptance/threads.c"
    run threads
    [ "$(cat "$work/threads.out" "$work/threads.static.out")" = $'threads agree\nthreads agree' ] ||
        fail "threads.c printed: $(cat "$work/threads.out" "$work/threads.static.out")"
    pass "threads.c: four threads with a predictor each agree"

    build quickstart "$shared/acceptance/quickstart.c"
    data=$(examples/cifar10.sh --offline)
    if [ -n "$data" ]; then
        data=$(realpath "$data")
        (cd "$work" && LD_LIBRARY_PATH=$lib ./quickstart "$data") >"$work/quickstart.out" || fail "quickstart failed"
        cat "$work/quickstart.out"
        grep -qE '^val_acc [01]\.[0-9]{4}, predictions 50000 x 10$' "$work/quickstart.out" || fail "quickstart printed no result"
        # One epoch of the smallest network: far from done, but well below the loss of guessing, ln 10 = 2.303.
        loss=$(sed -n 's/.* loss: \([0-9.]*\) - acc.*/\1/p' "$work/quickstart.out")
        awk -v loss="$loss" 'BEGIN { exit !(loss > 0 && loss < 2.25) }' || fail "quickstart learned nothing, its loss is $loss"
        [ -s "$work/quickstart.mbn" ] || fail "quickstart saved nothing"
        # Without data it must say so and fail.
        if (cd "$work" && LD_LIBRARY_PATH=$lib ./quickstart "$work/nowhere") 2>"$work/error"; then
            fail "quickstart succeeds without data"
        fi
        grep -q nowhere "$work/error" || fail "quickstart without data said: $(cat "$work/error")"
        pass "quickstart.c on CIFAR-10"
    else
        echo "acceptance: no CIFAR-10, quickstart.c compiled and not run"
    fi
else
    echo "acceptance: no ../shared/acceptance, its programs skipped"
fi

# Everything in one file: no shared library at all, with the library's own matrix product.
"${MAKE:-make}" --no-print-directory BUILD="$BUILD/noblas" BLAS=none IMAGES=no CFLAGS=-Werror DESTDIR="$work/noblas" PREFIX=$prefix install >"$work/install.log"
rm "$work/noblas$prefix"/lib/libmobilenet.so*
$CC -std=c11 tests/acceptance/consumer.c -static -o "$work/consumer.alone" \
    $(PKG_CONFIG_PATH=$work/noblas$prefix/lib/pkgconfig pkg-config --define-prefix --static --cflags --libs libmobilenet)
! readelf -d "$work/consumer.alone" 2>/dev/null | grep -q NEEDED || fail "consumer.alone is not static"
"$work/consumer.alone" | cmp -s - "$work/consumer.out" || fail "consumer.alone answers otherwise"
pass "consumer.c without any shared library (BLAS=none, -static)"

"${MAKE:-make}" --no-print-directory BUILD="$BUILD" DESTDIR="$stage" PREFIX=$prefix uninstall >"$work/uninstall.log"
left=$(find "$stage" -type f -o -type l)
[ -z "$left" ] || fail "uninstall left $left"
pass "uninstall leaves nothing"
echo "acceptance: $passed passed, 0 failed"
