#!/usr/bin/env bash
# Runs tests on 64-bit ARM, under the emulator qemu-aarch64-static. On Debian and Ubuntu it is in the package
# qemu-user-static.
#
#     tests/arm64.sh                                  kernels, autograd and threads
#     tests/arm64.sh tests/test_train.py -k learns    what pytest shall run instead
#
# ROOT (default: arm64-root in the temporary folder) is made once: the distribution's Python and its libraries for
# arm64, unpacked but not installed, and the wheels for aarch64 beside them. Nothing of the system is changed.
# Tests that start another Python use TINYNET_TEST_PYTHON, a script that calls the emulator.
set -euo pipefail
cd "$(dirname "$0")/.."

ROOT=${ROOT:-${TMPDIR:-/tmp}/arm64-root}
QEMU=$(command -v qemu-aarch64-static) || { echo "arm64.sh: needs qemu-aarch64-static"; exit 2; }
PYTHON=python3.11
PACKAGES="$PYTHON $PYTHON-minimal lib$PYTHON-minimal lib$PYTHON-stdlib libc6 libgcc-s1 libstdc++6 zlib1g libssl3
          libexpat1 libffi8 libbz2-1.0 liblzma5 libsqlite3-0 libuuid1 libcrypt1 libncursesw6 libtinfo6 libreadline8
          libdb5.3"
WHEELS="numpy numba matplotlib pillow tqdm filelock safetensors threadpoolctl pytest hypothesis sphinx"

make_root() {
    mkdir -p "$ROOT/apt/lists/partial" "$ROOT/apt/cache/archives/partial" "$ROOT/packages"
    local apt=(-q -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o "Dir::State::Lists=$ROOT/apt/lists"
               -o "Dir::Cache=$ROOT/apt/cache" -o Dir::State::Status=/dev/null -o APT::Sandbox::User=root)
    apt-get "${apt[@]}" update
    (cd "$ROOT/packages" && apt-get "${apt[@]}" download $PACKAGES)
    for package in "$ROOT"/packages/*.deb; do dpkg-deb -x "$package" "$ROOT"; done
    python3 -m pip install --quiet --target "$ROOT/wheels" --only-binary=:all: --python-version 3.11 \
        --platform manylinux_2_28_aarch64 --platform manylinux2014_aarch64 --platform manylinux_2_17_aarch64 $WHEELS
    cat > "$ROOT/python" <<END
#!/bin/sh
exec "$QEMU" -L "$ROOT" "$ROOT/usr/bin/$PYTHON" "\$@"
END
    chmod +x "$ROOT/python"
    touch "$ROOT/complete"
}

[ -e "$ROOT/complete" ] || make_root
export PYTHONPATH="$PWD:$ROOT/wheels" PYTHONDONTWRITEBYTECODE=1
export TINYNET_CACHE="$ROOT/cache" MPLCONFIGDIR="$ROOT/matplotlib"
export TINYNET_TEST_PYTHON="$ROOT/python"
if [ $# -eq 0 ]; then
    set -- tests/test_kernels_*.py \
        tests/test_dispatch.py tests/test_autograd.py tests/test_threads.py
fi
exec "$ROOT/python" -m pytest -q -p no:cacheprovider "$@"
