#!/bin/sh
# apt.sh PACKAGE...: installs system packages; refreshes the package lists only if that fails without.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get install -y -q --no-install-recommends "$@" && exit 0
apt-get update -q
apt-get install -y -q --no-install-recommends "$@"
