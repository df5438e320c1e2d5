"""Kills everything again and again, and checks that nothing is lost: `make chaos`."""
