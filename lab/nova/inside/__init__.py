"""What runs in OpenStack's own environment, each module as a process of its own."""

from __future__ import annotations
