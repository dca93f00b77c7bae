"""Loads that take minutes."""
