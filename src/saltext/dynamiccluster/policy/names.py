"""How a worker node's host name is known from its instance."""

from __future__ import annotations

from ..model import Instance
from ..settings import Settings


def hostname_of(instance: Instance, settings: Settings) -> str:
    """Return the host name by the `hostname` setting, "" while the cloud has not told it yet."""
    source = settings.dynamic_cluster.hostname.source
    if source == "private_dns":
        return instance.private_dns
    if source == "dns":
        return instance.public_dns or instance.private_dns
    if source == "command":
        return ""  # the control loop runs the command and remembers its answer
    return instance.name
