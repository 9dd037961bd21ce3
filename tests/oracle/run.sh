#!/usr/bin/env bash
# Predictors against ONNX Runtime and float64 (oracle.py). What is missing is named and passed over: the pictures of
# ../shared, NumPy, ONNX Runtime or what writes its graphs, the visual wake words network.
#   run.sh BUILD_DIRECTORY             MBN_LIBRARY, the shared library; ORT_LIBRARY, CI, FETCH_ORT
# With CI=true or FETCH_ORT=1 an npm that is there may fetch ONNX Runtime into BUILD_DIRECTORY/peers.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$1
shared=../shared
package=onnxruntime-node@1.30.0
. tests/bench/peers/find_onnx_runtime.sh

fetch_onnx_runtime() {
    local archive
    command -v npm >/dev/null 2>&1 || return 0
    mkdir -p "$build/peers"
    (
        cd "$build/peers"
        archive=$(timeout 300 npm pack --silent "$package") || { echo "oracle: npm could not fetch $package"; exit 0; }
        tar xzf "$archive" && rm -f "$archive"
    )
}

[ -d "$shared/images" ] || { echo "oracle: the pictures of $shared/images are not here, skipped"; exit 0; }
python=$(python_with numpy)
[ -n "$python" ] || { echo "oracle: no Python with NumPy (python3-numpy), skipped"; exit 0; }

options=()
if ! find_onnx_runtime "$build" >/dev/null && { [ "${CI-}" = true ] || [ "${FETCH_ORT-}" = 1 ]; }; then
    fetch_onnx_runtime
fi
if find_onnx_runtime "$build"; then
    python=$onnx_python
    options+=(--ort "$build/tests/oracle/ort_run")
fi
vww=$build/tests/oracle/vww.mbn status=0
"$build/tests/oracle/vww" "$shared/models/vww_96.h5" "$vww" || status=$?
case $status in
0) options+=(--vww "$vww") ;;
77) echo "skipped: $shared/models/vww_96.h5 cannot be read here (Debian: python3-h5py)" ;;
*) exit "$status" ;;
esac
PYTHONPATH=examples/python PYTHONDONTWRITEBYTECODE=1 "$python" tests/oracle/oracle.py "$shared" "${options[@]}"
