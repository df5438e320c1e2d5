"""Speed compared with the naive implementation, both in one run: `make bench`."""
