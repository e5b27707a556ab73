"""Configured: something listens on a TCP port of the node."""

from __future__ import annotations

import socket

from ..model import CheckResult, Verdict
from ..ports import Target


class PortCheck:
    """Connects to one port. Within `timeout` seconds in all, whatever the network does with the packets."""

    def __init__(self, number: int, timeout: float = 5.0):
        self._number, self._timeout = number, timeout

    def check(self, target: Target) -> CheckResult:
        """Return READY when the port takes a connection; it may yet, so that it never says FAILED."""
        if not target.address:
            return CheckResult(Verdict.WAITING, "its address is not known yet")
        try:
            socket.create_connection((target.address, self._number), self._timeout).close()
        except OSError as error:
            return CheckResult(Verdict.WAITING, f"nothing listens on port {self._number}: {error.strerror or error}")
        return CheckResult(Verdict.READY, f"port {self._number} takes connections")
