"""Hundreds of malicious files, reproducible from a seed, and what happens when they are read.

`python -m tools.hostile` makes and reads them; tests/integration/media/test_hostile.py does so in
`make test`.
"""
