#!/usr/bin/env bash
# Times the training step against PyTorch (Debian's python3-torch) in turn, three rounds, and prints the ratio of medians.
#   peers.sh BUILD_DIRECTORY [threads]
# malloc is told not to give memory back, which is PyTorch's best.
set -euo pipefail
build=$1 threads=${2:-2}
here=$(dirname "$0")
python=
for candidate in python3 /usr/bin/python3; do
    if "$candidate" -c 'import torch' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "PyTorch is not there (Debian: python3-torch): only libmobilenet is timed"
fi
median() { sed -n 's/.*median_ms \([0-9.]*\).*/\1/p' | sort -n | sed -n 2p; }
for variant in full shallow; do
    ours=() theirs=()
    for _ in 1 2 3; do
        line=$("$build/tests/bench/train_step" "$variant" "$threads")
        echo "$line"
        ours+=("$line")
        if [ -n "$python" ]; then
            line=$(MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=4000000000 MALLOC_TOP_PAD_=67108864 \
                "$python" "$here/train_step.py" "$variant" "$threads")
            echo "$line"
            theirs+=("$line")
        fi
    done
    if [ -n "$python" ]; then
        a=$(printf '%s\n' "${ours[@]}" | median)
        b=$(printf '%s\n' "${theirs[@]}" | median)
        awk -v a="$a" -v b="$b" -v v="$variant" 'BEGIN { printf "%s: a step takes %.2f x PyTorch'"'"'s time\n", v, a / b }'
    fi
done
