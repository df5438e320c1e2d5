#!/bin/sh
# Build this package's wheel with the pinned setuptools, so that nothing is fetched without its
# hash: wheel.sh OUT
set -eu

source=$(dirname "$0")/../..
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/tools"
pip="$work/tools/bin/python -m pip"
$pip install --quiet --no-deps --require-hashes -r "$source/deploy/pins/build.txt"
# In a copy, since setuptools leaves folders behind where it builds.
mkdir "$work/source"
for part in pyproject.toml README.md LICENSE service; do
    cp -R "$source/$part" "$work/source/"
done
$pip wheel --quiet --no-deps --no-build-isolation --wheel-dir "$1" "$work/source"
