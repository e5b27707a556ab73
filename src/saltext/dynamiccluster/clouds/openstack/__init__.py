"""OpenStack: servers of one flavor and image for one resource, through Nova (python-novaclient) and Keystone (keystoneauth1)."""

from .adapter import OpenStack
from .api import Timeouts

__all__ = ["OpenStack", "Timeouts"]
