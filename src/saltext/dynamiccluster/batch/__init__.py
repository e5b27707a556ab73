"""Batch systems: each is an adapter that implements ports.BatchSystem over the commands of that system."""
