#!/bin/sh
# Provides the X server and the tools of the x11 tests, where that is permitted, and names what is missing where not.
set -eu

missing=""
for pair in Xvfb:xvfb xrandr:x11-xserver-utils xcompmgr:xcompmgr; do
    command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair#*:}"
done
[ -n "$missing" ] || exit 0

# shellcheck disable=SC2086
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && sh "$(dirname "$0")/apt.sh" $missing; then
    exit 0
fi
echo "The x11 tests are left out, they need:$missing" >&2
echo "Install them and run again: sudo apt-get install$missing" >&2
