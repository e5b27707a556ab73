"""Neutron's side of the fake machines: every port is bound, as there are no agents that could."""

from __future__ import annotations

from typing import Any

from neutron_lib import constants
from neutron_lib.api.definitions import portbindings
from neutron_lib.plugins.ml2 import api


class BindsEveryPort(api.MechanismDriver):
    """Binds a port to the first segment of its network on any host."""

    def initialize(self) -> None:
        """Have nothing to prepare."""

    @property
    def connectivity(self) -> str:
        """Return what ports of this driver reach."""
        return str(portbindings.CONNECTIVITY_L2)

    def bind_port(self, context: Any) -> None:
        """Bind with the first segment."""
        for segment in context.segments_to_bind[:1]:
            context.set_binding(segment[api.ID], portbindings.VIF_TYPE_OTHER, {}, status=constants.ACTIVE)
