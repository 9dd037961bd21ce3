#!/usr/bin/env bash
# Times libmobilenet and its peers in turn, in one run, and prints Markdown tables of medians and ratios.
#   peers.sh BUILD_DIRECTORY [train|products]...        ROUNDS=3, STEPS=9
# Peers: PyTorch (Debian: python3-torch) for the training step; libxsmm (libxsmm-dev) and OpenBLAS for the matrix
# product. One that is not there is named and passed over; nothing is installed.
set -euo pipefail
build=$1
shift
parts=${*:-train products}
rounds=${ROUNDS:-3} steps=${STEPS:-9}
here=$(dirname "$0")

python=
for candidate in python3 /usr/bin/python3; do
    if "$candidate" -c 'import torch' 2>/dev/null; then
        python=$candidate
        break
    fi
done

# PyTorch's best: malloc does not give memory back.
torch() {
    MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=4000000000 MALLOC_TOP_PAD_=67108864 \
        "$python" "$here/train_step.py" --steps "$steps" "$@"
}
field() { sed -n "s/.*\"$1\": \"\{0,1\}\([0-9.a-z+]*\).*/\1/p"; }
median() { field "$1" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { if (a > 0) printf "%.2f", b / a; else printf "-" }'; }
megabytes() { awk -v b="$1" 'BEGIN { printf "%.0f", b * 1e-6 }'; }

train_row() { # NAME OURS THEIRS: files of JSON lines
    local a b ours theirs
    a=$(median median_ms <"$2") ours=$(median memory_bytes <"$2")
    printf '| %s | %.1f | %s | %.0f %% |' "$1" "$a" "$(megabytes "$ours")" \
        "$(median peak_fraction <"$2" | awk '{ print 100 * $1 }')"
    if [ -n "$python" ]; then
        b=$(median median_ms <"$3") theirs=$(median memory_bytes <"$3")
        printf ' %.1f | %s | **%s** | %s |' "$b" "$(megabytes "$theirs")" "$(ratio "$a" "$b")" \
            "$(ratio "$theirs" "$ours")"
    else
        printf ' - | - | - | - |'
    fi
    echo
}

train() {
    local isas="best" variant threads isa round tag
    local work
    work=$(mktemp -d)
    case $("$build/examples/benchmark" train --steps 1 --batch 8 --json | field isa) in
    avx512) isas="best avx2" ;;
    esac
    echo "### Training step, 32 x 32, batch 128, Adam, in turn, medians of $rounds rounds of $steps steps"
    echo
    [ -n "$python" ] || echo "skipped: PyTorch (Debian: python3-torch) is not there"
    for variant in full shallow cifar; do
        local flags=()
        [ "$variant" = full ] || flags=("--$variant")
        for threads in 1 2; do
            for round in $(seq "$rounds"); do
                for isa in $isas; do
                    "$build/examples/benchmark" train "${flags[@]}" --threads "$threads" --isa "$isa" \
                        --steps "$steps" --json >>"$work/$variant-$threads-$isa"
                done
                if [ -n "$python" ]; then
                    torch "${flags[@]}" --threads "$threads" >>"$work/$variant-$threads-torch"
                fi
            done
        done
    done
    echo "libmobilenet $(field version <"$work/full-1-best" | head -1), the best instruction set being" \
        "$(field isa <"$work/full-1-best" | head -1)$([ -z "$python" ] || echo "; PyTorch $(field version <"$work/full-1-torch" | head -1)")." \
        "Memory: growth beyond data and loaded libraries."
    echo
    echo "| network, threads, instruction set | ours ms | ours MB | of peak | PyTorch ms | PyTorch MB | times faster | times its memory |"
    echo "|---|---|---|---|---|---|---|---|"
    for variant in full shallow cifar; do
        for threads in 1 2; do
            for isa in $isas; do
                tag=$variant-$threads
                train_row "$variant, $threads, $isa" "$work/$tag-$isa" "$work/$tag-torch"
            done
        done
    done
    echo
    for variant in full shallow cifar; do
        echo "$variant: 2 threads are $(ratio "$(median median_ms <"$work/$variant-2-best")" \
            "$(median median_ms <"$work/$variant-1-best")") times as fast as 1"
    done
    rm -rf "$work"
}

# OpenBLAS reads OPENBLAS_CORETYPE when it is loaded: without it, it looks at the processor.
products() {
    local threads
    for threads in 1 2; do
        (unset OPENBLAS_CORETYPE && "$build/tests/bench/products" "$threads")
        if [ -n "${OPENBLAS_CORETYPE-}" ]; then
            echo
            echo "With OPENBLAS_CORETYPE=$OPENBLAS_CORETYPE, as the environment has it:"
            "$build/tests/bench/products" "$threads"
        fi
    done
}

for part in $parts; do
    "$part"
done
