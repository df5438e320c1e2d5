#!/bin/sh
# Caddy, for the test of deploy/proxy: the system's, or Debian's unpacked into .venv. It is not
# installed, since Debian's package would start a server. Without it that test is skipped.
set -eu

venv=${VENV:-.venv}
if command -v caddy >/dev/null 2>&1 || [ -x "$venv/bin/caddy" ]; then exit 0; fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if command -v apt-get >/dev/null 2>&1; then
    echo "Fetching Caddy ..."
    [ "$(id -u)" != 0 ] || apt-get update -q >/dev/null || true
    # As root, apt would drop its privileges and then be unable to write to this folder.
    if (cd "$work" && apt-get -o APT::Sandbox::User=root download -q caddy >/dev/null 2>&1) &&
        dpkg -x "$work"/caddy_*.deb "$work/unpacked"; then
        cp "$work/unpacked/usr/bin/caddy" "$venv/bin/caddy"
        exit 0
    fi
fi
echo "Caddy not found: the test of deploy/proxy will be skipped" >&2
