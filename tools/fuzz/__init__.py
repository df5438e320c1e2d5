"""Random bytes against what of our own code reads bytes of others; `make fuzz`."""
