#!/bin/bash
# The reference work's protocol on CIFAR-10, full and shallow: the first 40,000 pictures train, the last 10,000 validate,
# batch 128, no augmentation, 10 epochs, save, 10 more from the saved weights at a tenth of the learning rate. OpenBLAS
# gets one thread, so that the bits do not depend on the number of cores. Fails when the best validation accuracy is
# below the reference's, or when the demo learns the drawn pictures less than it should. Histories, models and output
# go to BUILD/full. Wants the examples in BUILD.
set -euo pipefail
cd "$(dirname "$0")/../.."
BUILD=${BUILD:-build}
data=$(examples/cifar10.sh)
[ -n "$data" ] || { echo "protocol: no CIFAR-10"; exit 1; }
out=$BUILD/full
mkdir -p "$out"

# The pictures that the library draws: the demo's network must pass 0.9 on those that it never saw.
drawn=$("$BUILD/examples/demo" --model "$out/drawn.mbn" | sed -n 's/.*never saw: accuracy \([0-9.]*\),.*/\1/p' | tail -n 1)
echo "protocol: drawn pictures: accuracy $drawn"
missed=
awk -v drawn="$drawn" 'BEGIN { exit !(drawn > 0.9) }' || missed=" drawn"

export OPENBLAS_NUM_THREADS=1
for network in full:0.6614 shallow:0.6742; do
    name=${network%:*} reference=${network#*:}
    rm -f "$out/$name".*
    for rate in 0.1 0.01; do # the second run finds the weights of the first, and appends to its history
        "$BUILD/examples/train_cifar10" --data "$data" $([ "$name" = full ] || echo --shallow) --epochs 10 --batch-size 128 \
            --validation-split 0.2 --optimizer sgd --learning-rate $rate --weight-decay 0.0005 --label-smoothing 0.1 \
            --verbose 2 --weights "$out/$name.mbn" --history "$out/$name.csv" | tee -a "$out/$name.txt"
    done
    best=$(awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "val_acc") column = i; next }
                    $column > best { best = $column } END { printf "%.4f", best }' "$out/$name.csv")
    echo "protocol: $name: best val_acc $best, the reference's $reference"
    awk -v best="$best" -v reference=$reference 'BEGIN { exit !(best >= reference) }' || missed="$missed $name"
done
[ -z "$missed" ] || { echo "protocol: below the reference:$missed"; exit 1; }
