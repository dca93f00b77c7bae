"""Default estimators compared with the defaults of their peers."""
