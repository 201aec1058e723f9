#!/bin/sh
# packages.sh PURPOSE...: provides what each purpose needs, where that is permitted; names it and fails where not.
set -eu

missing=""
status=0

# need PACKAGE COMMAND
need() {
    command -v "$2" >/dev/null || missing="$missing $1"
}

rust_target() {
    [ -d "$(rustc --print sysroot)/lib/rustlib/$1" ] && return
    command -v rustup >/dev/null && rustup --quiet target add "$1" && return
    echo "Rust for Windows is missing. Install it: rustup target add $1" >&2
    status=1
}

provide() {
    [ -n "$missing" ] || return 0
    # shellcheck disable=SC2086
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && sh "$(dirname "$0")/apt.sh" $missing; then
        return 0
    fi
    echo "Missing for $1:$missing" >&2
    echo "Install and run again: sudo apt-get install$missing" >&2
    status=1
}

for purpose in "$@"; do
    missing=""
    case $purpose in
    x11)
        need xvfb Xvfb
        need x11-xserver-utils xrandr
        need xcompmgr xcompmgr
        need picom picom
        need openbox openbox
        [ -x /usr/lib/xorg/Xorg ] || need xserver-xorg-core Xorg
        find /usr/lib*/xorg/modules/drivers -name dummy_drv.so 2>/dev/null | grep -q . || missing="$missing xserver-xorg-video-dummy"
        "${PYTHON:-python3}" -c 'import tkinter' 2>/dev/null || missing="$missing python3-tk"
        ;;
    windows)
        need gcc-mingw-w64-x86-64-win32 x86_64-w64-mingw32-gcc
        rust_target x86_64-pc-windows-gnu
        ;;
    wine)
        need xvfb Xvfb
        need "wine wine64" wine
        ;;
    profile)
        need linux-perf perf
        ;;
    *)
        echo "packages.sh: no purpose $purpose" >&2
        exit 2
        ;;
    esac
    provide "$purpose"
done
exit "$status"
