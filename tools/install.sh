#!/bin/sh
# Create a virtual environment and install Déjà Bug with everything that the demo and the tests need.
set -eu

"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "Déjà Bug needs Python 3.11 or newer; run: make PYTHON=/path/to/python3.11" >&2
    exit 1
}
"$PYTHON" -m venv "$VENV" || {
    echo "Cannot create a virtual environment; on Debian and Ubuntu: apt-get install python3-venv" >&2
    exit 1
}
pip="$VENV/bin/pip"

echo "Installing torch $TORCH ..."
if command -v nvidia-smi >/dev/null 2>&1; then
    "$pip" install -q "torch==$TORCH"
else
    # The CPU build, from the configured index, else from PyTorch's own through uv, which knows its
    # URL. As a last resort the full build: large, but it works too.
    "$pip" install -q "torch==$TORCH+cpu" 2>/dev/null ||
        { "$pip" install -q uv &&
            "$VENV/bin/uv" pip install -q --python "$VENV/bin/python" --torch-backend=cpu \
                "torch==$TORCH"; } ||
        "$pip" install -q "torch==$TORCH"
fi

echo "Installing Déjà Bug ..."
"$pip" install -q -e '.[s3,demo,dev]'
