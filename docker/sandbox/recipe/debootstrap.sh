#!/bin/sh
# Makes a base for the image where no hub is in reach: writes a Debian 12 with Python 3.11 to standard output, as tar.
set -eu
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
debootstrap --variant=minbase --include=python3 bookworm "$root" >&2
rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/usr/share/doc/* "$root"/usr/share/locale/*
tar -C "$root" --one-file-system -c .
