"""One target under Atheris, a fuzzer that is guided by which of our code its inputs reach.

`python -m tools.fuzz.guided TARGET` and libFuzzer's own arguments; `make fuzz` starts it.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["dejabug", "tools.fuzz"]):
    from tools.fuzz.targets import TARGETS


def main() -> None:
    """Fuzz until a limit in the arguments is reached, or something is found."""
    name = sys.argv.pop(1)
    atheris.Setup(sys.argv, TARGETS[name].run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
