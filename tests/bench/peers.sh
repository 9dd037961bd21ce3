#!/usr/bin/env bash
# Times libmobilenet and its peers in turn, in one run, and prints Markdown tables of medians and ratios.
#   peers.sh BUILD_DIRECTORY [train|products|infer]...        ROUNDS=3, STEPS=9, SERIES_SECONDS=2
# Peers: PyTorch (Debian: python3-torch) for the training step; libxsmm (libxsmm-dev) and OpenBLAS for the matrix
# product; for inference ONNX Runtime (a shared library in ORT_LIBRARY or unpacked in BUILD_DIRECTORY/peers, graphs by
# Debian's python3-onnx), oneDNN (libdnnl-dev), XNNPACK (libxnnpack-dev, libpthreadpool-dev), and what XNNPACK_PREFIX
# and NCNN_PREFIX hold. One that is not there is named and passed over; nothing is installed or fetched.
set -euo pipefail
build=$1
shift
parts=${*:-train products infer}
rounds=${ROUNDS:-3} steps=${STEPS:-9}
here=$(dirname "$0")

# shellcheck source=tests/bench/peers/find_onnx_runtime.sh
. "$here/peers/find_onnx_runtime.sh"
python=$(python_with torch)

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
    local isas="best" variant threads isa tag
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
            for _ in $(seq "$rounds"); do
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

# Answers must agree: the same likeliest class, as likely but for rounding.
infer_agree() { # FILE...
    cat "$@" | sed -n 's/.*"top": \([0-9]*\), "probability": \([0-9.]*\).*/\1 \2/p' |
        awk 'NR == 1 { top = $1; p = $2 }
             $1 != top || ($2 - p) ^ 2 > (1e-3 * p) ^ 2 { bad = 1 }
             END { exit bad || !NR }' || { echo "bench: peers compute different things: $*"; exit 1; }
}

infer_ours() { # ALPHA SIZE BATCH THREADS PRECISION ISA
    local model=$infer_work/$1-$2.mbn
    [ -s "$model" ] || "$build/examples/benchmark" infer --alpha "$1" --size "$2" --seconds 0.001 --save "$model" >/dev/null
    "$build/examples/benchmark" infer --model "$model" --batch "$3" --threads "$4" --precision "$5" --isa "$6" \
        --seconds "${SERIES_SECONDS:-2}" --json
}

# Each peer right after ours, then what else is ours.
infer_round() { # FILE PREFIX, then ALPHA SIZE BATCH THREADS
    local to=$1 peer variant
    shift
    for peer in $infer_peers; do
        infer_ours "$@" f32 best >>"$to-f32-best"
        "$build/peers/$peer" --alpha "$1" --size "$2" --batch "$3" --threads "$4" --seconds "${SERIES_SECONDS:-2}" \
            --model "$to.onnx" >>"$to-$peer"
    done
    [ -n "$infer_peers" ] || infer_ours "$@" f32 best >>"$to-f32-best"
    for variant in $infer_variants; do
        infer_ours "$@" "${variant%-*}" "${variant#*-}" >>"$to-$variant"
    done
}

infer_row() { # NAME, FILE PREFIX, VARIANT, BATCH: milliseconds are a picture's
    local ours peer theirs best=
    ours=$(median median_ms <"$2-$3" | awk -v n="$4" '{ print $1 / n }')
    printf '| %s | %.3f | %.0f %% |' "$1" "$ours" "$(median peak_fraction <"$2-$3" | awk '{ print 100 * $1 }')"
    for peer in $infer_peers; do
        theirs=$(median median_ms <"$2-$peer" | awk -v n="$4" '{ print $1 / n }')
        printf ' %.3f | %s |' "$theirs" "$(ratio "$ours" "$theirs")"
        # shellcheck disable=SC2086 # an empty one is no line
        best=$(printf '%s\n' $best "$theirs" | sort -g | head -1)
    done
    [ -z "$best" ] || printf ' **%s** |' "$(ratio "$ours" "$best")"
    echo
}

infer_memory_row() { # NAME, FILE PREFIX
    local ours load peer
    ours=$(median resident_bytes <"$2-f32-best")
    [ -n "$ours" ] || ours=$(median memory_bytes <"$2-f32-best")
    load=$(median load_ms <"$2-f32-best")
    printf '| %s | %s | %.1f |' "$1" "$(megabytes "$ours")" "$load"
    for peer in $infer_peers; do
        printf ' %s | %.1f | %s |' "$(megabytes "$(median resident_bytes <"$2-$peer")")" \
            "$(median load_ms <"$2-$peer")" "$(ratio "$load" "$(median load_ms <"$2-$peer")")"
    done
    echo
}

infer_head() { # COLUMNS OF OURS, COLUMNS OF A PEER with % for its name, LAST COLUMN
    local peer line="| work | $1 |"
    for peer in $infer_peers; do
        line+=" ${2//%/$(infer_name "$peer")} |"
    done
    [ -z "$3" ] || [ -z "$infer_peers" ] || line+=" $3 |"
    printf '\n%s\n' "$line"
    sed 's/[^|]//g; s/|/|---/g; s/---$//' <<<"$line"
}

infer_name() { sed -n '1s/.*"peer": "\([^"]*\)", "version": "\([^"]*\)".*/\1 \2/p' "$infer_work/1-224-1-1-$1"; }

infer() {
    local said work threads tag isa isas=best
    said=$("$here/peers/build_infer.sh" "$build")
    infer_peers=$(sed -n 's/^built //p' <<<"$said")
    echo "### Inference, milliseconds a picture, in turn, medians of $rounds rounds"
    echo
    grep '^skipped' <<<"$said" || true
    find_onnx_runtime "$build" || infer_peers=${infer_peers//infer_ort/}
    infer_work=$(mktemp -d)
    isa=$(infer_ours 0.25 32 1 1 f32 best | field isa)
    [ "$isa" != avx512 ] || isas="best avx2"
    for work in "1 224 1" "1 224 16" "0.25 96 1"; do
        infer_variants=
        [ "$work" != "1 224 1" ] || infer_variants="bf16-best${isas#best}"
        infer_variants=${infer_variants/ avx2/ f32-avx2}
        for threads in 1 2; do
            tag=$infer_work/${work// /-}-$threads
            # shellcheck disable=SC2086
            set -- $work
            case $infer_peers in
            *infer_ort*) "$onnx_python" "$here/peers/infer_onnx.py" --alpha "$1" --size "$2" --batch "$3" "$tag.onnx" ;;
            esac
            for _ in $(seq "$rounds"); do
                infer_round "$tag" "$@" "$threads"
            done
            [ -z "$infer_peers" ] || infer_agree "$tag"-infer_*
            rm -f "$tag.onnx"
        done
    done
    infer_tables
    rm -rf "$infer_work"
}

infer_tables() {
    local work threads variant tag=$infer_work/1-224-1
    echo "libmobilenet $(field version <"$tag-1-f32-best" | head -1), $(field isa <"$tag-1-f32-best" | head -1)." \
        "Measured peak: $(median peak_gflops <"$tag-1-f32-best") GFLOP/s on one thread," \
        "$(median peak_gflops <"$tag-2-f32-best") on two. x: how many times as long as ours; peers compute in f32."
    infer_head "ours ms | of peak" "% ms | x" "best x"
    for work in 1-224-1 1-224-16 0.25-96-1; do
        for threads in 1 2; do
            for variant in f32-best f32-avx2 bf16-best; do
                tag=$infer_work/$work-$threads
                [ ! -s "$tag-$variant" ] ||
                    infer_row "alpha ${work//-/, }; ${variant/-best/}, $threads" "$tag" "$variant" \
                        "${work##*-}"
            done
        done
    done
    infer_head "ours MB | ours ms" "% MB | ms | x" ""
    for work in 1-224-1 0.25-96-1; do
        infer_memory_row "alpha ${work//-/, }: resident memory, load to first answer" "$infer_work/$work-1"
    done
    echo
    echo "Work: width, size, batch; precision, threads. ours MB and ms: of the whole process, as the peers'; oneDNN and" \
        "XNNPACK are given weights that are made up in memory, and read no file."
}

for part in $parts; do
    "$part"
done
