"""Reporters of the site: a class by its dotted name, made with its arguments."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from ..errors import ConfigurationError, Fault
from ..ports import Reporter


def make_custom(name: str, class_name: str, arguments: Mapping[str, Any]) -> Reporter:
    """Return the site's reporter. Raises ConfigurationError that says what is wrong with it; imports its module, which may take long."""
    path = f"dynamiccluster:plugins:{name}"
    module, _, attribute = class_name.rpartition(".")
    try:
        kind = getattr(importlib.import_module(module), attribute)
    except Exception as error:  # a module of the site can fail in any way when it is imported
        raise _fault(f"{path}:class_name", f"{class_name} cannot be imported: {type(error).__name__}: {error}") from error
    try:
        made: Reporter = kind(**arguments)
    except Exception as error:
        raise _fault(f"{path}:arguments", f"{class_name} does not take them: {type(error).__name__}") from error
    if not callable(getattr(made, "report", None)):
        raise _fault(f"{path}:class_name", f"{class_name} has no method report(report)")
    return made


def _fault(path: str, problem: str) -> ConfigurationError:
    hint = "put it into the Python that the salt-master runs in, with a constructor that takes `arguments` by name; docs/metrics.md shows one"
    return ConfigurationError((Fault(path, problem, hint),))
