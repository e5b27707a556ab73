"""How a worker node's host name is known from its instance."""

from __future__ import annotations

from ..model import Instance
from ..settings import Settings


def hostname_of(instance: Instance, settings: Settings) -> str:
    """Return the host name by the `hostname` setting; "" while it is not known (a command's answer comes from the control loop)."""
    match settings.dynamic_cluster.hostname:
        case "instance_name":
            return instance.name
        case "private_dns":
            return instance.private_dns
        case "dns":
            return instance.public_dns or instance.private_dns
    return ""
