"""Speed against the naive way, each pair in one run: `make bench`."""
