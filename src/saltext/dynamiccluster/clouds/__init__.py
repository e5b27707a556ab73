"""Adapters of clouds: each implements `ports.Cloud` for one resource. What they share: owner tags and user-data."""
