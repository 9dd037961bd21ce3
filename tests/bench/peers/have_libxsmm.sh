#!/bin/sh
# Says "yes" when a program with libxsmm compiles and links; says nothing otherwise.
#   have_libxsmm.sh COMPILER
program=$(mktemp) || exit 0
trap 'rm -f "$program"' EXIT
echo 'int main(void) { libxsmm_init(); return 0; }' |
    $1 -include libxsmm.h -x c - -o "$program" -lxsmm -lxsmmnoblas -ldl -lm -lrt -pthread 2>/dev/null && echo yes
exit 0
