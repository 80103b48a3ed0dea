#!/bin/sh
# Sees that the Debian packages are there that building and running need; installs them when run as root.
set -eu
missing=""
need() { # package, and a command that succeeds when what it brings is there
    package=$1
    shift
    "$@" >/dev/null 2>&1 || missing="$missing $package"
}
need python3-venv "${PYTHON:-python3}" -c 'import venv, ensurepip'
need openjdk-17-jdk-headless sh -c 'command -v javac && javac -version 2>&1 | grep -Eq "javac (1[7-9]|2[0-9])"'
need cargo command -v cargo
need gcc command -v cc
need bubblewrap command -v bwrap
need memcached command -v memcached
need libimage-exiftool-perl command -v exiftool
need util-linux sh -c 'command -v setpriv && command -v prlimit'
[ -z "$missing" ] && exit 0
if [ "$(id -u)" -ne 0 ]; then
    echo "These Debian packages are missing; install them as root:" >&2
    echo "    apt-get install$missing" >&2
    exit 1
fi
echo "installing Debian packages:$missing"
apt-get update -qq
# RUNLEVEL=1: the cluster starts a memcached of its own, the package shall not start another.
DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends $missing >/dev/null
