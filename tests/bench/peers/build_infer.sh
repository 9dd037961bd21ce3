#!/usr/bin/env bash
# Builds the programs that time other libraries' inference, into BUILD_DIRECTORY/peers. Prints "built NAME", or
# "skipped: ..." for a library that is not there; nothing is fetched.
#   build_infer.sh BUILD_DIRECTORY                CC=cc, XNNPACK_PREFIX=, NCNN_PREFIX=
# A prefix holds include/ and lib/ of a library built elsewhere; a newer XNNPACK stands beside the system's.
set -euo pipefail
build=$1
here=$(dirname "$0")
cc=${CC:-cc}
out=$build/peers
mkdir -p "$out"
trap 'rm -f "$out/probe"' EXIT
flags=(-std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -Wno-deprecated-declarations -I"$here/../../../examples")

program() { # NAME SOURCE WHERE TEST FLAGS...: compiled when the lines TEST compile and link
    local name=$1 source=$2 where=$3 test=$4
    shift 4
    if printf '%s\nint main(void) { return 0; }\n' "$test" | $cc -x c - -x none -o "$out/probe" "$@" 2>/dev/null; then
        $cc "${flags[@]}" "$here/$source" -o "$out/$name" "$@"
        echo "built $name"
    else
        echo "skipped: $where is not there"
    fi
}

prefix() { # DIRECTORY LIBRARY...: flags for a build elsewhere, all its static libraries or those named
    local directory=$1 libraries
    shift
    libraries=$(find "$directory"/lib* -name 'lib*.a')
    echo "-I$directory/include -L$directory/lib -Wl,-rpath,$directory/lib" \
        "${libraries:+-Wl,--start-group $libraries -Wl,--end-group} ${libraries:-$*} -lstdc++ -lm -pthread"
}

program infer_ort infer_ort.c "dlopen, for ONNX Runtime," '#include <dlfcn.h>' -ldl -lm -pthread
program infer_dnnl infer_dnnl.c "oneDNN 2 (Debian: libdnnl-dev)" '#include <dnnl.h>
#if DNNL_VERSION_MAJOR != 2
#error
#endif' -fopenmp -ldnnl -lm
program infer_xnnpack infer_xnnpack.c "XNNPACK (Debian: libxnnpack-dev, libpthreadpool-dev)" '#include <xnnpack.h>' \
    "-DPEER_VERSION=\"$(dpkg-query -W -f '${Version}' libxnnpack-dev 2>/dev/null || echo "of the system")\"" \
    -lXNNPACK -lpthreadpool -lm -pthread
if [ -n "${XNNPACK_PREFIX-}" ]; then
    # shellcheck disable=SC2046
    program infer_xnnpack_prefix infer_xnnpack.c "XNNPACK in $XNNPACK_PREFIX" '#include <xnnpack.h>' \
        "-DPEER_VERSION=\"in $(basename "$XNNPACK_PREFIX")\"" $(prefix "$XNNPACK_PREFIX" -lXNNPACK -lpthreadpool)
fi
if [ -n "${NCNN_PREFIX-}" ]; then
    # shellcheck disable=SC2046
    program infer_ncnn infer_ncnn.c "ncnn in $NCNN_PREFIX" '#include <ncnn/c_api.h>' \
        $(prefix "$NCNN_PREFIX" -lncnn) -fopenmp
fi
