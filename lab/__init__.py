"""A whole elastic cluster on one machine: real Grid Engine, an EC2 API, Salt, and worker nodes made of namespaces."""

from __future__ import annotations
