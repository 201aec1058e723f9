#!/bin/sh
# venv.sh PYTHON DIRECTORY REQUIREMENTS: a virtual environment in which the requirements are installed.
set -eu
python=$1 venv=$2 requirements=$3

if ! command -v cargo >/dev/null; then
    echo "cargo is missing. Install Rust: https://rustup.rs" >&2
    exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 9))'; then
    echo "$python is missing or older than 3.9. Name another: make PYTHON=/path/to/python3" >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        sh "$(dirname "$0")/apt.sh" python3-venv
    else
        echo "$python has no venv. Install it: sudo apt-get install python3-venv" >&2
        exit 1
    fi
fi
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements"
