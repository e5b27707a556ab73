"""`config-checker`: what tells that a new node is configured."""

from __future__ import annotations

from typing import Any

from .kinds import Arguments, Dotted, Port
from .section import Section, Wrong, is_empty

# version 1's names of what is built in now
_OLD_SALT_CHECKERS = frozenset({"dynamiccluster.salt.SaltChecker", "dynamiccluster.saltclient.SaltChecker"})
_CHECKS = ("port", "salt", "plugin")


class PortChecker(Section):
    """Configured: something listens on this TCP port of the node."""

    number: Port


class SaltChecker(Section):
    """Configured: the minion's highstate succeeded."""


class PluginChecker(Section):
    """Configured: a class of the site says so (`name`: its dotted name)."""

    name: Dotted
    arguments: Arguments = {}


class ConfigChecker(Section):
    """Exactly one of the three is not None."""

    port: PortChecker | None = None
    salt: SaltChecker | None = None
    plugin: PluginChecker | None = None

    @property
    def kind(self) -> str:
        """Return `port`, `salt` or `plugin`."""
        return next(name for name in _CHECKS if getattr(self, name) is not None)

    @classmethod
    def _expand(cls, data: Any) -> Any:
        if data is None or data == {}:
            return {"salt": {}}
        if not isinstance(data, dict):
            return data
        data = dict(data)
        if _is_old_salt(data.get("plugin")):
            data["plugin"], data["salt"] = None, {}
        chosen = [name for name in _CHECKS if not is_empty(data.get(name))]
        if not chosen and "salt" in data:  # `salt:` alone is how YAML writes it
            data["salt"], chosen = {}, ["salt"]
        if len(chosen) > 1 or not (chosen or set(data) - set(_CHECKS)):
            raise Wrong(f"exactly one check is needed, not {' and '.join(chosen) or 'none'}", f"keep one of {', '.join(_CHECKS)}")
        return data


def _is_old_salt(plugin: Any) -> bool:
    return isinstance(plugin, dict) and str(plugin.get("name")).strip() in _OLD_SALT_CHECKERS


SALT = ConfigChecker(salt=SaltChecker())
