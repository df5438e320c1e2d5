#!/bin/sh
# Install into an environment of its own: layers of pinned packages, or a wheel without its needs.
#   install.sh PREFIX LAYER|WHEEL...     a layer is a file of deploy/pins/: web, worker, cpu, cuda
set -eu

prefix=$1
shift
requirements=$(dirname "$0")/../pins

# Without a pip of its own: the image needs none, and has the base's to build with, whose Python is
# hidden once the environment stands first in the path.
PATH=${PATH#"$prefix/bin:"}
[ -x "$prefix/bin/python" ] || python3 -m venv --without-pip "$prefix"
for part; do
    case $part in
    *.whl) set -- "$part" ;;
    *) set -- --require-hashes -r "$requirements/$part.txt" ;;
    esac
    python3 -m pip --python "$prefix/bin/python" install --quiet --no-deps "$@"
done
