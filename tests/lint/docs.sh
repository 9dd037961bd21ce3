#!/bin/bash
# Makes the API reference from the public headers, in BUILD/docs/html. A public function, struct or macro without a
# description fails, and so does a description that Doxygen cannot read. Fields and constants may go without one where
# their neighbour's covers them (kernel_height, kernel_width).
set -euo pipefail
cd "$(dirname "$0")/../.."
BUILD=${BUILD:-build}
command -v doxygen >/dev/null 2>&1 || { echo "docs: doxygen is not installed, skipped"; exit 0; }
mkdir -p "$BUILD/docs"
log=$BUILD/docs/warnings.txt
doxygen - >/dev/null <<DOXYFILE
PROJECT_NAME = libmobilenet
PROJECT_NUMBER = ${VERSION:-}
INPUT = include/mobilenet
INPUT_FILTER = "python3 tests/lint/docs_filter.py"
OUTPUT_DIRECTORY = $BUILD/docs
STRIP_FROM_PATH = include
INCLUDE_PATH = include
OPTIMIZE_OUTPUT_FOR_C = YES
EXTRACT_STATIC = YES
JAVADOC_AUTOBRIEF = YES
TYPEDEF_HIDES_STRUCT = YES
MACRO_EXPANSION = YES
EXPAND_ONLY_PREDEF = YES
PREDEFINED = MBN_API= __GNUC__=12
EXCLUDE_SYMBOLS = *_H
GENERATE_LATEX = NO
HAVE_DOT = NO
QUIET = YES
WARN_IF_UNDOCUMENTED = YES
WARN_IF_INCOMPLETE_DOC = NO
WARN_LOGFILE = $log
DOXYFILE
if grep -vE '\((variable|enumvalue)\) of (struct|file) |Member MBN_API |Member MBN_VERSION_' "$log" | grep .; then
    echo "docs: the headers have undocumented or unreadable places"
    exit 1
fi
[ -s "$BUILD/docs/html/index.html" ] || { echo "docs: no index.html was made"; exit 1; }
# Every function of the ABI's list must have its place.
missing=$(grep -rhoE --include='*.html' '>mbn_[a-z0-9_]+<' "$BUILD/docs/html" | tr -d '<>' | LC_ALL=C sort -u |
    LC_ALL=C comm -13 - tests/abi/symbols.txt)
[ -z "$missing" ] || { echo "docs: no page describes $missing"; exit 1; }
echo "docs: $BUILD/docs/html/index.html describes $(wc -l <tests/abi/symbols.txt) functions"
