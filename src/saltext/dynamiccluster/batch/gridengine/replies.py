"""Understanding what Grid Engine's commands say. Their exit status is 0 for many a refusal, so the text decides."""

from __future__ import annotations

import re

from ...errors import BatchRefused, BatchUnreachable, NameUnresolvable
from ..commands import Completed

_SILENT = re.compile(
    r"commlib error|got send error|unable to (?:send message to|contact|connect to) qmaster|failed receiving gdi request|"
    r"qmaster (?:is )?(?:not running|not reachable|down)|critical error|can't connect to service|endpoint is not unique",
    re.IGNORECASE,
)
_SSH_FAILED = 255
_UNRESOLVED = re.compile(r"can't resolve|unable to resolve|can't get host|unknown host", re.IGNORECASE)
_REFUSED = re.compile(
    r"denied|must be (?:manager|operator)|no permission|necessary privileges|invalid|error|failed|still referenced|"
    r"would create|no modification|not allowed|unable to|unknown|does not exist|not found|is not an? |not restartable|not rerunn?able",
    re.IGNORECASE,
)
NOTHING_DEFINED = re.compile(r"\bno\b.*\bdefined\b|matches the phrase|does not exist|is not (?:a|an) ", re.IGNORECASE)


def check_reached(done: Completed, what: str) -> None:
    """Raise BatchUnreachable when the command did not reach the qmaster."""
    if done.status == 0:
        return
    if done.status == _SSH_FAILED or _SILENT.search(done.text):
        raise BatchUnreachable(f"{what}: the qmaster does not answer: {done.brief or 'no message'}")


def check_read(done: Completed, what: str) -> str:
    """Return what a reading command printed. Raises BatchUnreachable, BatchRefused."""
    check_reached(done, what)
    if done.status:
        raise BatchRefused(f"{what} failed with status {done.status}: {done.brief or 'no message'}")
    return done.out.decode("utf-8", "replace")


def check_change(done: Completed, what: str, harmless: str = "") -> str:
    """Return what a changing command said. `harmless` is a pattern of lines that mean: it was so already.

    Raises BatchUnreachable, NameUnresolvable, BatchRefused.
    """
    check_reached(done, what)
    expected = re.compile(harmless or r"(?!)")
    said = [line for line in done.text.splitlines() if line.strip()]
    lines = [line for line in said if not expected.search(line)]
    if any(_UNRESOLVED.search(line) for line in lines):
        raise NameUnresolvable(f"{what}: {done.brief}")
    if any(_REFUSED.search(line) for line in lines) or (done.status and lines == said):
        raise BatchRefused(f"{what}: {done.brief or f'failed with status {done.status} and no message'}")
    return done.text
