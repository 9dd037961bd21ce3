#!/usr/bin/env bash
# Runs every benchmark once at tiny size, so that none of them rots. Times nothing.
#   small.sh BUILD_DIRECTORY
set -euo pipefail
build=$1
here=$(dirname "$0")
check_json() { # [WORK]
    python3 -c '
import json, sys
answer = json.loads(sys.stdin.read())
wanted = {"median_ms": float, "p90_ms": float, "images_per_second": float, "gflops": float, "peak_fraction": float,
          "memory_bytes": int, "threads": int, "isa": str}
if sys.argv[1:] == ["infer"]:
    wanted.update(p99_ms=float, weights_bytes=int, workspace_bytes=int, resident_bytes=int, precision=str)
    assert answer["median_ms"] <= answer["p90_ms"] <= answer["p99_ms"], "quantiles"
for key, kind in wanted.items():
    assert isinstance(answer[key], kind), key
assert all(not isinstance(value, (dict, list)) for value in answer.values()), "not flat"' "$@"
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
infer="$benchmark infer --alpha 0.25 --size 32 --seconds 0.01"
$infer --profile | grep -q '^| .* | conv1 | Conv2D | ' || { echo "bench-small: a profile without conv1"; exit 1; }
for precision in f32 bf16; do
    for input in f32 u8; do
        $infer --precision $precision --input $input --json | check_json infer
    done
    $infer --precision $precision --isa generic --threads 1 --json | check_json infer
    $infer --precision $precision --batch 5 --shallow --threads 2 --json | check_json infer
done
$infer --model tests/io/golden/v1.mbn
$infer --model tests/io/golden/v1.mbn --json | check_json infer
fails $infer --json --profile
fails $infer --model nowhere.mbn
fails $infer --precision f64
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
