"""Amazon EC2, and whatever speaks its API: on-demand instances of one type for one resource."""

from .adapter import Aws
from .api import Timeouts

__all__ = ["Aws", "Timeouts"]
