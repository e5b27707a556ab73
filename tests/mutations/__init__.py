"""Deliberate faults, one at a time, each of which a test must catch."""
