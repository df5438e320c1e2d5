"""What a year does to the service, in some minutes: `make soak`."""
