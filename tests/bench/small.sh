#!/usr/bin/env bash
# Runs every benchmark once at tiny size, so that none of them rots. Times nothing.
#   small.sh BUILD_DIRECTORY
set -euo pipefail
build=$1
here=$(dirname "$0")
check_json() {
    python3 -c '
import json, sys
answer = json.loads(sys.stdin.read())
wanted = {"median_ms": float, "p90_ms": float, "images_per_second": float, "gflops": float, "peak_fraction": float,
          "memory_bytes": int, "threads": int, "isa": str}
for key, kind in wanted.items():
    assert isinstance(answer[key], kind), key
assert all(not isinstance(value, (dict, list)) for value in answer.values()), "not flat"'
}
fails() { # what must be refused, with a sentence
    local said
    if said=$("$@" 2>&1 >/dev/null); then
        echo "bench-small: \"$*\" passed"
        exit 1
    fi
    [ -n "$said" ] || { echo "bench-small: \"$*\" failed without a word"; exit 1; }
}

benchmark=$build/examples/benchmark
"$benchmark" train --alpha 0.25 --batch 4 --steps 2
"$benchmark" train --alpha 0.25 --batch 4 --steps 2 --shallow --cifar --optimizer sgd --json | check_json
"$benchmark" train --alpha 0.25 --batch 2 --steps 1 --size 64 --classes 3 --threads 1 --isa generic --json | check_json
fails "$benchmark"
fails "$benchmark" fly
fails "$benchmark" train --threads 0x
fails "$benchmark" train --alpha 0.01

"$build/tests/bench/kernels" --small >"$build/bench-small.md"
"$build/tests/bench/products" 1 small >>"$build/bench-small.md"
"$build/tests/bench/products" 2 small >>"$build/bench-small.md"
# Every row of a table has as many cells as its head.
awk -F'|' '/^\|/ { if (cells && NF != cells) { print "bench-small: ragged: " $0; bad = 1 } cells = NF; rows++; next }
           { cells = 0 } END { exit bad || rows < 100 }' "$build/bench-small.md"
echo "bench-small: every benchmark ran; tables in $build/bench-small.md"
