"""What holds when everything is killed again and again: `make chaos`."""
