#!/bin/sh
# What the images take from Debian: system.sh PACKAGE...; and the user that everything runs as.
set -eu

apt-get update -q
DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"
rm -rf /var/lib/apt/lists/*

# A number that no image of Debian's uses. Kubernetes wants to see that it is not root's.
if ! id dejabug >/dev/null 2>&1; then
    useradd --uid 10001 --user-group --no-create-home --home-dir /var/lib/dejabug \
        --shell /usr/sbin/nologin dejabug
    install -d -o dejabug -g dejabug /var/lib/dejabug
fi
