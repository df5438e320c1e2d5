"""Random bytes for all code of ours that reads foreign bytes; `make fuzz`."""
