#!/bin/bash
# What binaries built against the library rely on: the exported symbols, headers that compile alone, option structs of
# other ages, the size. Wants BUILD with the libraries in it.
set -euo pipefail
cd "$(dirname "$0")/../.."
BUILD=${BUILD:-build}
CC=${CC:-cc}
shared=$BUILD/libmobilenet.so
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LC_ALL=C

# The list is the promise: a symbol that goes breaks programs, one that comes must be meant. `run.sh --update` writes it.
nm -D --defined-only --format=posix "$shared" | awk '{print $1}' | sort >"$work/exported"
if [ "${1:-}" = --update ]; then
    cp "$work/exported" tests/abi/symbols.txt
fi
diff -u tests/abi/symbols.txt "$work/exported" || {
    echo "abi: the exported symbols (+) differ from tests/abi/symbols.txt (-)"
    exit 1
}
if grep -v '^mbn_' "$work/exported"; then
    echo "abi: exported, and not ours"
    exit 1
fi
echo "abi: $(wc -l <"$work/exported") symbols are exported, all in the list"

# Declared and exported must be the same set.
cat include/mobilenet/*.h | tr '\n' ' ' | grep -oE 'MBN_API [^;{]*\(' | grep -oE 'mbn_[a-z0-9_]+ ?\(' |
    tr -d ' (' | sort -u >"$work/declared"
diff -u "$work/declared" "$work/exported" || {
    echo "abi: the headers declare (-) what the library does not export, or it exports (+) what they do not declare"
    exit 1
}

# In a static link every global name is in the program's name space.
nm --defined-only --extern-only --format=posix "$BUILD/libmobilenet.a" |
    awk 'NF > 1 && $1 !~ /^mbni?_/ {print $1}' | sort -u >"$work/foreign"
if [ -s "$work/foreign" ]; then
    echo "abi: global names of the static library that begin with neither mbn_ nor mbni_:"
    cat "$work/foreign"
    exit 1
fi

# Only what is promised is linked.
readelf -d "$shared" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' >"$work/needed"
if grep -vE '^(lib(c|m|z|openblas|pthread)\.so\.[0-9.]+|ld-linux[-a-z0-9_]*\.so\.[0-9]+)$' "$work/needed"; then
    echo "abi: the shared library needs more than libc, libm, pthreads, zlib and OpenBLAS"
    exit 1
fi
echo "abi: needs $(tr '\n' ' ' <"$work/needed")"

count=0
flags="-Wall -Wextra -Werror -pedantic -fsyntax-only -Iinclude"
for header in include/mobilenet/*.h; do
    name=mobilenet/$(basename "$header")
    printf '#include <%s>\n#include <%s>\nextern int alone;\n' "$name" "$name" >"$work/alone.c"
    cp "$work/alone.c" "$work/alone.cc"
    $CC -std=c11 $flags "$work/alone.c"
    ${CXX:-c++} -std=c++17 $flags "$work/alone.cc"
    count=$((count + 1))
done
echo "abi: $count headers compile alone as C11 and as C++17"

$CC -std=c11 -Wall -Wextra -Werror -pedantic -Iinclude tests/abi/options.c -o "$work/options" "$shared" -Wl,-rpath,"$(realpath "$BUILD")"
"$work/options"

tests/abi/size.sh "$shared" 1000000
