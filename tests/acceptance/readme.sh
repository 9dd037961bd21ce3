#!/bin/bash
# Holds README.md to what it says: its length, its programs (compiled and run), its make targets, its links, its sizes;
# compiles and runs the programs of docs/embedding.md and docs/training.md, and examples/predict.c.
# Wants BUILD with the library and the examples in it.
set -euo pipefail
cd "$(dirname "$0")/../.."
BUILD=${BUILD:-build}
CC=${CC:-cc}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
    echo "readme: $*"
    exit 1
}

lines=$(wc -l <README.md)
[ "$lines" -lt 150 ] || fail "README.md has $lines lines; it is to have fewer than 150"

program() { # FILE NUMBER: the text of its programs that is the NUMBERth, from 1
    awk -v wanted="$2" '/^```c$/ { inside = ++count == wanted; next } /^```$/ { inside = 0 } inside' "$1"
}
program README.md 1 >"$work/program.c"
lines=$(wc -l <"$work/program.c")
[ "$lines" -gt 10 ] && [ "$lines" -le 30 ] || fail "its program has $lines lines"
$CC -std=c11 -Wall -Wextra -Werror -pedantic -Iinclude "$work/program.c" -o "$work/program" \
    "$BUILD/libmobilenet.so" -Wl,-rpath,"$(realpath "$BUILD")"
(cd "$work" && ./program >output.txt) || fail "its program failed"
grep -qE '^first picture, first class: [01]\.[0-9]{3}$' "$work/output.txt" && [ -s "$work/shapes.mbn" ] ||
    fail "its program printed: $(cat "$work/output.txt")"

program README.md 2 >"$work/predictor.c"
$CC -std=c11 -Wall -Wextra -Werror -pedantic -Iinclude "$work/predictor.c" -o "$work/predictor" \
    "$BUILD/libmobilenet.so" -Wl,-rpath,"$(realpath "$BUILD")"
(cd "$work" && ./predictor >output.txt) || fail "its predictor failed"
[ "$(grep -cE '^class [0-9]: [01]\.[0-9]{3}$' "$work/output.txt")" -eq 3 ] || fail "its predictor printed: $(cat "$work/output.txt")"

# examples/predict.c on that model: a drawn picture, and a raw one that must have the right size.
$CC -std=c11 -Wall -Wextra -Werror -Iinclude examples/predict.c -o "$work/predict" "$BUILD/libmobilenet.so" \
    -Wl,-rpath,"$(realpath "$BUILD")"
head -c 3072 /dev/zero >"$work/raw"
head -c 3071 /dev/zero >"$work/short"
for arguments in "" "--bf16 --threads 1" "--f32 --seed 3" "--picture $work/raw"; do
    "$work/predict" --model "$work/shapes.mbn" $arguments >"$work/output.txt" || fail "predict $arguments failed"
    [ "$(grep -cE '^ *[01]\.[0-9]{4}  class [0-9]' "$work/output.txt")" -eq 5 ] ||
        fail "predict $arguments printed: $(cat "$work/output.txt")"
done
if "$work/predict" --model "$work/shapes.mbn" --picture "$work/short" 2>"$work/error.txt" >&2; then
    fail "predict takes a picture that is too short"
fi

# The program of docs/embedding.md, on the model that the README's has saved.
program docs/embedding.md 1 >"$work/embedding.c"
$CC -std=c11 -Wall -Wextra -Werror -pedantic -Iinclude "$work/embedding.c" -o "$work/embedding" \
    "$BUILD/libmobilenet.so" -pthread -Wl,-rpath,"$(realpath "$BUILD")"
"$work/embedding" "$work/shapes.mbn" >"$work/output.txt" || fail "the program of docs/embedding.md failed"
grep -qE '^here (.+), there \1; [1-9][0-9]* bytes of weights, shared, and [1-9][0-9]* for each predictor$' \
    "$work/output.txt" || fail "the program of docs/embedding.md printed: $(cat "$work/output.txt")"
if "$work/embedding" "$work/nowhere.mbn" 2>"$work/error.txt"; then
    fail "the program of docs/embedding.md succeeds without a model"
fi
grep -q nowhere.mbn "$work/error.txt" || fail "the program of docs/embedding.md said: $(cat "$work/error.txt")"

# That of docs/training.md: the first run trains, the second finds that there is nothing left to do.
program docs/training.md 1 >"$work/training.c"
$CC -std=c11 -Wall -Wextra -Werror -pedantic -Iinclude "$work/training.c" -o "$work/training" \
    "$BUILD/libmobilenet.so" -Wl,-rpath,"$(realpath "$BUILD")"
for run in 1 2; do
    (cd "$work" && ./training >"output$run.txt") || fail "the program of docs/training.md failed"
done
epochs=$(sed -n 's/^\([1-9][0-9]*\) epochs now, \1 in all$/\1/p' "$work/output1.txt")
[ -n "$epochs" ] && grep -qx "0 epochs now, $epochs in all" "$work/output2.txt" ||
    fail "the program of docs/training.md printed: $(cat "$work/output1.txt" "$work/output2.txt")"

# The program of docs/data.md, on two classes of drawn greys and a text.
program docs/data.md 1 >"$work/data.c"
$CC -std=c11 -Wall -Wextra -Werror -pedantic -Iinclude "$work/data.c" -o "$work/data" "$BUILD/libmobilenet.so" \
    -Wl,-rpath,"$(realpath "$BUILD")"
mkdir -p "$work/photos/cat" "$work/photos/dog"
for i in 1 2 3 4 5 6 7 8 9 10; do printf 'P5 2 1 255\n%d.' $((i % 10)) >"$work/photos/cat/$i.pgm"; done
for i in 1 2 3 4 5; do printf 'P5 1 2 255\n%d.' $i >"$work/photos/dog/$i.pgm"; done
echo "no picture" >"$work/photos/dog/notes.txt"
"$work/data" "$work/photos" >"$work/output.txt" || fail "the program of docs/data.md failed"
printf '%s\n' '2 classes, the first cat; 16 pictures for training, 3 for validation' \
    'skipped dog/notes.txt: no picture: neither JPEG nor PNG nor binary PPM or PGM' | cmp -s - "$work/output.txt" ||
    fail "the program of docs/data.md printed: $(cat "$work/output.txt")"
if "$work/data" "$work/nowhere" 2>"$work/error.txt"; then
    fail "the program of docs/data.md succeeds without a directory"
fi

for target in $(grep -oE '(^|[ `(])make [a-z][a-z -]*' README.md | sed 's/.*make //' | tr ' ' '\n' | sort -u); do
    grep -qE "^(# )?$target:|^\.PHONY:.* $target( |$)" Makefile || unknown="${unknown:-} $target"
done
[ -z "${unknown:-}" ] || fail "it names make targets that there are not:$unknown"

for link in $(grep -oE '\]\([^)#]+' README.md docs/*.md | sed 's/^\([^:]*\):\](/\1=/' | grep -v '=http'); do
    page=${link%%=*} path=${link#*=}
    [ -e "$(dirname "$page")/$path" ] || missing="${missing:-} $page->$path"
done
[ -z "${missing:-}" ] || fail "links to nothing:$missing"

said=$(sed -n 's/^| shared library, stripped | \([0-9]*\) KB .*/\1/p' README.md)
bytes=$(tests/abi/size.sh "$BUILD/libmobilenet.so" | sed 's/.*stripped \([0-9]*\) bytes/\1/')
awk -v said="$said" -v bytes="$bytes" 'BEGIN { exit !(bytes / 1000 < said * 1.05 && bytes / 1000 > said * 0.95) }' ||
    fail "it says that the library has $said KB; it has $bytes bytes"

# Each row of the table of sizes that names the summary program: run the command, and find the row's numbers.
rows=0
while IFS= read -r row; do
    command=$(sed 's/.*`\(build[^`]*\)`.*/\1/' <<<"$row")
    ${command/#build/$BUILD} >"$work/summary.txt" || fail "$command failed"
    parameters=$(grep -oE '[0-9,]+ parameters' <<<"$row" | cut -d' ' -f1)
    grep -qF "$parameters" "$work/summary.txt" || fail "$command does not say $parameters parameters"
    million=$(sed -n 's|.* \([0-9]*\) M multiply-adds.*|\1|p' <<<"$row")
    counted=$(sed -n 's/^Multiply-adds: \([0-9,]*\)$/\1/p' "$work/summary.txt" | tr -d ,)
    [ -z "$million" ] || [ $(((counted + 500000) / 1000000)) -eq "$million" ] || fail "$command counts $counted multiply-adds"
    rows=$((rows + 1))
done < <(grep '^| MobileNet .*build/examples/summary' README.md)
[ "$rows" -ge 3 ] || fail "found $rows rows of sizes"

echo "readme: its programs, $rows rows of sizes, targets and links hold"
