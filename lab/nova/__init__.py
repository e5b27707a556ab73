"""A real OpenStack on loopback as test equipment: Keystone, Nova, Placement, Glance and Neutron, with Nova's own fake virt driver.

    with Nova() as nova:                              # about 20 s from the template that `python -m lab.nova.install` made
        nova.auth_url, nova.member, nova.image        # all that settings need
        nova.servers(nova.colleague)                  # a raw client's view
        with nova.down("keystone"): ...               # faults
"""

from __future__ import annotations

from lab.nova.cloud import Account, Nova

__all__ = ["Account", "Nova"]
