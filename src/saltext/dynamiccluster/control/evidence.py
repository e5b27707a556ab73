"""What tells an administrator why a machine never became a node: read before it is ended, bounded, without secrets, kept for a while."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from ..errors import DynamicClusterError
from ..policy.breaker import was_given_up
from ..settings.secrets import secret_texts
from .announce import instance_event
from .journal import Evidence
from .scene import Scene

log = logging.getLogger(__name__)

CONSOLE = 16_000  # characters of a console that are kept: the last ones, where the failure is
SHOWN = 2_000  # of them in the document for readers
TOLD = 4_000  # and in the event
_WHY = 2_000
_BURST, _WITHIN = 3, 600.0  # so many consoles in so many seconds: a hundred that fail together fail alike, and clouds ration this call
_MASK = "********"
_LEAST_SECRET = 6  # characters; shorter ones would blank out half of a log
_STRANGE = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[^\x20-\x7e\n\t\u00a0-\ud7ff\ue000-\ufffd]|[\u200b-\u200f\u2028-\u202e\u2066-\u2069]")
_KEY_BLOCK = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)", re.DOTALL)
_NAMED = re.compile(
    r"(?i)(?<![\w.-])([\w.-]{0,60}?(?:password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key(?:[_-]?id)?|credential)s?[\w.-]{0,60}[\"']?\s{0,4}[:=]\s{0,4})"
    r"(\"[^\"\n]*\"|'[^'\n]*'|[^\s,;]+)"
)
_AUTHORIZATION = re.compile(r"(?i)(\bauthorization\s*:\s*)[^\n]+|(\b(?:bearer|basic)\s+)[A-Za-z0-9+/=._~-]{8,}")
_IN_ADDRESS = re.compile(r"(\w://)[^\s/@]+@")
_AWS_KEY = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b")


def collect(scene: Scene) -> None:
    """Keep the evidence of a machine that was given up, before it is ended. Whatever fails here keeps nothing else up."""
    record, now = scene.node, scene.parts.clock.now()
    if not was_given_up(record):
        return
    try:
        known = scene.ledger.evidence(resource=record.resource)
        if any(item.node == record.name for item in known):
            return
        secrets = _secrets_of(scene)
        console = _read_console(scene) if sum(item.at > now - _WITHIN for item in known) < _BURST else ""
        found = Evidence(
            now, record.resource, record.name, record.instance_id, redact(record.leaving_for, secrets)[:_WHY], redact(console, secrets)[-CONSOLE:]
        )
        scene.ledger.keep_evidence(found)
        _tell(scene, found)
    except DynamicClusterError as error:
        log.warning("the evidence of %s cannot be kept: %s", record.name, error)
    except Exception:  # a cloud's adapter of somebody else; the machine must go all the same
        log.exception("the evidence of %s cannot be kept", record.name)


def _read_console(scene: Scene) -> str:
    """Return what the machine wrote on its console, "" where the cloud cannot tell."""
    read = getattr(scene.cloud, "console", None)
    if read is None:
        return ""
    try:
        return str(read(scene.node.instance_id) or "")
    except DynamicClusterError as error:
        log.warning("the console of %s cannot be read: %s", scene.node.name, error)
        return ""


def _secrets_of(scene: Scene) -> tuple[str, ...]:
    """Return what the console must not tell: the settings' secrets, and the one-time token, which user-data may have written there."""
    order = scene.ledger.order(scene.node.name)
    return (*secret_texts(scene.parts.settings), *((order.token,) if order is not None else ()))


def _tell(scene: Scene, found: Evidence) -> None:
    event = instance_event(scene.parts.settings.name, scene.node, "evidence", found.why)
    scene.parts.announcer.fire(type(event)(event.tag, {**event.data, "console": found.console[-TOLD:]}))


def redact(text: str, secrets: Iterable[str]) -> str:
    """Return the text without terminal controls, without these secrets, and without what looks like one."""
    text = _STRANGE.sub("", text[-2 * CONSOLE :].replace("\r\n", "\n").replace("\r", "\n"))
    for secret in sorted({secret for secret in secrets if len(secret) >= _LEAST_SECRET}, key=len, reverse=True):
        text = text.replace(secret, _MASK)
    text = _KEY_BLOCK.sub(f"[private key {_MASK}]", text)
    text = _AUTHORIZATION.sub(lambda hit: f"{hit[1] or hit[2]}{_MASK}", text)
    text = _NAMED.sub(lambda hit: f"{hit[1]}{_MASK}", text)
    text = _IN_ADDRESS.sub(rf"\1{_MASK}@", text)
    return _AWS_KEY.sub(_MASK, text)
