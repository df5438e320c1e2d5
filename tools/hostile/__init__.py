"""Hostile files by the hundred, the same for the same seed, and what became of each.

`python -m tools.hostile` makes and tries them; tests/integration/media/test_hostile.py does so in `make test`.
"""
