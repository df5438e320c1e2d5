"""Finds the historical bug videos that show the same bug as a new Jira ticket's clip."""

import os

# Before numpy and torch are imported. Their threads wait for each other by spinning, so two workers
# on two cores slowed each other down five- to twelvefold; like this they share (docs/explanation/speed.md).
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
