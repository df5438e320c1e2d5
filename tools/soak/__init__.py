"""Simulates a year of the service in some minutes: `make soak`."""
