#!/usr/bin/env bash
# To be sourced: finds ONNX Runtime's library and a Python that writes its graphs. Fetches nothing.

python_with() { # MODULE...: a Python that has them, or nothing
    local candidate modules="$*"
    for candidate in python3 /usr/bin/python3; do
        if "$candidate" -c "import ${modules// /, }" 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
}

# BUILD_DIRECTORY. Exports ORT_LIBRARY and sets onnx_python; fails with a message when one of them is missing.
find_onnx_runtime() {
    local machine=x64
    [ "$(uname -m)" != aarch64 ] || machine=arm64
    if [ -z "${ORT_LIBRARY-}" ] && [ -d "$1/peers" ]; then
        ORT_LIBRARY=$(find "$1/peers" -path "*/linux/$machine/*" -name 'libonnxruntime.so*' -print -quit)
    fi
    onnx_python=$(python_with onnx)
    if [ -z "${ORT_LIBRARY-}" ]; then
        echo "skipped: ONNX Runtime is not there; ORT_LIBRARY may name its library, or in $1/peers:" \
            "npm pack onnxruntime-node@1.30.0 && tar xzf onnxruntime-node-1.30.0.tgz"
        return 1
    elif [ -z "$onnx_python" ]; then
        echo "skipped: ONNX Runtime, since python3-onnx (Debian) is not there, which writes its graphs"
        return 1
    fi
    export ORT_LIBRARY
}
