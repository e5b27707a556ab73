"""Does any minion get to see the settings? Its own pillar must not hold them: the cloud's credentials are in there."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import salt.utils.minions

from ..errors import ConfigurationError
from ..ports import Finding
from .pillar import KEY, compile_pillar
from .keystore import ACCEPTED, KeyStore

_WITHIN = 30.0


def check_minions(opts: Mapping[str, Any], settings_id: str, within: float = _WITHIN) -> list[Finding]:
    """Compile the pillar of every accepted minion, for at most `within` seconds; one finding for each that sees the settings."""
    accepted = sorted(KeyStore(opts).list()[ACCEPTED] - {settings_id})
    until = time.monotonic() + within
    checked, findings = 0, []
    for minion_id in accepted:
        if time.monotonic() > until:
            break
        checked += 1
        if _sees_settings(opts, minion_id):
            remedy = f"in pillar_roots' top.sls give the file that holds it to {settings_id!r} only"
            findings.append(Finding(f"pillar of {minion_id}", False, f"holds {KEY!r}, with every credential in it", remedy))
    if settings_id in KeyStore(opts).list()[ACCEPTED]:
        findings.append(Finding(f"minion {settings_id}", True, "is accepted and gets the settings: it must be the master's own machine"))
    if not any(not finding.ok for finding in findings):
        findings.append(Finding("pillars of the minions", True, f"{checked} of {len(accepted)} looked at, none holds the settings"))
    return findings


def _sees_settings(opts: Mapping[str, Any], minion_id: str) -> bool:
    try:
        _id, grains, _pillar = salt.utils.minions.get_minion_data(minion_id, dict(opts))
        return KEY in compile_pillar(opts, minion_id, grains)
    except ConfigurationError:
        return False  # a pillar that does not render reaches no minion
