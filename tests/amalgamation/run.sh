#!/bin/sh
# The amalgamation compiles with gcc and clang and no flag but -O2, without a warning, and gives the same bits as the library:
# smoke.c trains and predicts with both, on plain C and on the best instruction set here. BUILD is that of `make`, without
# OpenBLAS. A compiler that is not installed is named and passed over.
set -eu
cd "$(dirname "$0")/../.."
out=$BUILD/amalgamation
smoke=tests/amalgamation/smoke.c

cc -O2 -Iinclude -Iinclude/mobilenet $smoke "$BUILD/libmobilenet.a" -lz -lm -pthread -o "$out/smoke-library"
"$out/smoke-library" >"$out/best.txt"
MBN_ISA=generic "$out/smoke-library" >"$out/generic.txt"
for compiler in gcc clang; do
    command -v $compiler >/dev/null || { echo "check-amalgamation: $compiler is not installed, skipped"; continue; }
    $compiler -O2 -Werror -c "$out/mobilenet.c" -o "$out/$compiler.o"
    $compiler -O2 -I"$out" $smoke "$out/$compiler.o" -lz -lm -pthread -o "$out/smoke-$compiler"
    "$out/smoke-$compiler" | cmp - "$out/best.txt"
    MBN_ISA=generic "$out/smoke-$compiler" | cmp - "$out/generic.txt"
    echo "check-amalgamation: $compiler: the same bits as the library"
done
