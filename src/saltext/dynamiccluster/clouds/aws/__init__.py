"""Amazon EC2, and whatever speaks its API: on-demand or spot instances, of one type or several, for one resource."""

from .adapter import Aws
from .api import Timeouts

__all__ = ["Aws", "Timeouts"]
