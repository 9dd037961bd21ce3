#!/bin/sh
# Runs the tests of the Python binding with the first Python that has NumPy. Wants MBN_LIBRARY, the shared library.
cd "$(dirname "$0")/../.." || exit 1
for python in python3 /usr/bin/python3; do
    if "$python" -c 'import numpy' 2>/dev/null; then
        export PYTHONPATH="$PWD/examples/python" PYTHONDONTWRITEBYTECODE=1
        "$python" tests/ffi/test_ffi.py && "$python" examples/python/train_shapes.py 200 >/dev/null &&
            echo "ffi: examples/python/train_shapes.py runs" && exit 0
        exit 1
    fi
done
echo "ffi: no Python with NumPy (python3-numpy), skipped"
