"""Finds earlier bug videos that show the same bug as a new Jira ticket's clip."""

import os

# Set before numpy and torch are imported. Their threads spin while they wait for each other, so two
# workers on two cores slowed each other down by a factor of 5 to 12. With these settings they share
# the cores (docs/explanation/speed.md).
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
