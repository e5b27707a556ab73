"""Faults of a cloud's API, injected between a client and its backend: what simulators of clouds cannot do.

A rule says which calls fail, how, how often; the table of rules changes while requests pass, in the same process or over a socket:

    table = Table()
    front = Server(address, chain([Faults(table)], backend))
    table.add(Rule("RunInstances", "lost-reply", count=1))
"""

from .filter import Faults
from .table import Rule, Table

__all__ = ["Faults", "Rule", "Table"]
