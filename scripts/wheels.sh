#!/bin/sh
# wheels.sh PYTHON: the wheels for Linux and for Windows, in dist/. Windows needs a cross compiler, no Windows.
set -eu
python=$1
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"

# What is published says nothing about the machine that built it.
RUSTFLAGS="--remap-path-prefix=$root=. --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo"
CARGO_TARGET_DIR=$root/target/wheels
export RUSTFLAGS CARGO_TARGET_DIR

build() {
    "$python" -m maturin build --quiet --release --out dist "$@"
}

rm -f dist/rustcam-*.whl
build --interpreter "$python"
if ! sh scripts/packages.sh windows; then
    echo "Only the Linux wheel was built." >&2
    exit 1
fi
build --target x86_64-pc-windows-gnu
ls dist/rustcam-*.whl
