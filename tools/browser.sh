#!/bin/sh
# The browser for the tests of the panel: the system's Chromium, installed if we are root.
set -eu

for program in chromium chromium-browser google-chrome chrome; do
    if command -v "$program" >/dev/null 2>&1; then exit 0; fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing Chromium ..."
    apt-get update -q >/dev/null
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends chromium >/dev/null
else
    echo "The tests of the panel need Chromium: install it (Debian: apt-get install chromium)" >&2
    exit 1
fi
