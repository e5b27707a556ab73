"""Tell Salt's loader where the engines, runners, modules and beacons of this package lie."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent
_KINDS = {"engines": "_engines", "runners": "_runners", "modules": "_modules", "beacons": "_beacons"}


def directories() -> dict[str, list[str]]:
    """Return {kind: [directory]}: inside the installed package, or in the checkout when the install is editable."""
    return {kind: found for kind, name in _KINDS.items() if (found := _find(name))}


def _find(name: str) -> list[str]:
    # An editable install leaves the shells at the top of the checkout, three levels above src/saltext/dynamiccluster.
    for base in (_PACKAGE, _PACKAGE.parents[2]):
        if (base / name).is_dir():
            return [str(base / name)]
    return []
