#!/bin/sh
# What `make test` runs: the static checks and the panel's tests, in parallel with pytest. Pytest uses
# four processes for two cores, since many tests mostly wait for other processes. Arguments go to
# pytest. On a machine with more cores: PROCESSES=6 make test
set -u
venv=${VENV:-.venv}
said=$(mktemp)
trap 'rm -f "$said"' EXIT

check() {
    make --no-print-directory lint && (cd plugin && npm run --silent check && npm test --silent)
}
check >"$said" 2>&1 &
checking=$!

"$venv/bin/pytest" -q -n "${PROCESSES:-4}" "$@"
tested=$?
wait "$checking"
checked=$?
cat "$said"
if [ "$checked" -ne 0 ]; then echo "Lint, types or the panel's tests failed: see above" >&2; fi
[ "$tested" -eq 0 ] && [ "$checked" -eq 0 ]
