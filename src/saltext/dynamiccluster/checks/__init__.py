"""Checks that tell whether a node is configured (the one that asks Salt lives in `salt/`)."""

from __future__ import annotations

from ..ports import Check
from ..settings import ConfigChecker
from .custom import CustomCheck
from .port import PortCheck


def make_check(checker: ConfigChecker) -> Check:
    """Return the check of a `config-checker` that is not Salt's own. Raises ConfigurationError."""
    if checker.port is not None:
        return PortCheck(checker.port.number)
    if checker.plugin is not None:
        return CustomCheck(checker.plugin.name, checker.plugin.arguments)
    raise ValueError("the salt check is made where Salt is")


__all__ = ["CustomCheck", "PortCheck", "make_check"]
