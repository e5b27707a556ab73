"""Understanding what Torque's and Maui's commands say. An exit status of 0 hides many a refusal, so the text decides."""

from __future__ import annotations

import re

from ...errors import BatchMalformed, BatchRefused, BatchUnreachable, NameUnresolvable
from ..commands import Completed

_SILENT = re.compile(
    r"cannot connect to server|unable to communicate with|can ?not resolve (?:specified|name for) server|connect to trqauthd|"
    r"socket_connect_unix failed|communication failure|connection (?:refused|timed out)|no route to host|end of file|"
    r"server shutting down|pbs_iff|error in connection to",
    re.IGNORECASE,
)
_MAUI_SILENT = re.compile(r"cannot send request|cannot connect|cannot receive|connection refused|no route to host|timed out", re.IGNORECASE)
_SSH_FAILED = 255
# 111 and 113 are errno of the connection, 33 and 162 what is left of 15137 (no trqauthd) and 15010 (no such server)
_NO_CONNECTION = frozenset({111, 113, 110, 33})
_TROUBLE = re.compile(r"error|cannot|unable|fail|denied|unauthori[sz]ed|invalid|unknown|illegal", re.IGNORECASE)
_REFUSED = re.compile(
    r"error|cannot|unable|fail|denied|not authorized|unauthori[sz]ed|invalid|unknown|illegal|undefined|syntax|already exists", re.IGNORECASE
)
UNKNOWN_NODE = re.compile(r"unknown node|cannot locate specified node", re.IGNORECASE)
NO_NODES = re.compile(r"no node list|node list is empty|nodes? file is empty", re.IGNORECASE)
UNKNOWN_JOB = re.compile(r"unknown job id", re.IGNORECASE)
NO_MOM = re.compile(r"could not connect to mom|no contact with mom|communication with mom", re.IGNORECASE)
# What qdel, qsig and qrerun exit with for a job that is no more, and for one that just ends or has ended
STATUS_UNKNOWN_JOB = 153
ENDED = re.compile(r"unknown job id|invalid state for job - (?:exiting|complete)|request invalid for state of job", re.IGNORECASE)


def check_reached(done: Completed, what: str) -> None:
    """Raise BatchUnreachable when the command did not reach pbs_server."""
    if done.status == 0:
        return
    text = done.text
    if done.status == _SSH_FAILED or _SILENT.search(text) or (done.status in _NO_CONNECTION and not done.out):
        raise BatchUnreachable(f"{what}: pbs_server does not answer: {done.brief or 'no message'}")


_SHORT = 10_000  # bytes; what is longer says something, and is not copied to find that out


def check_read(done: Completed, what: str) -> bytes:
    """Return what a reading command printed.

    Zero bytes mean that there is nothing, but only from a command that complains of nothing. Raises BatchUnreachable, BatchRefused, BatchMalformed.
    """
    check_reached(done, what)
    if done.status:
        raise BatchRefused(f"{what} failed with status {done.status}: {done.brief or 'no message'}")
    if len(done.out) < _SHORT and not done.out.strip() and _TROUBLE.search(done.err.decode("utf-8", "replace")):
        raise BatchMalformed(f"{what} answered nothing, and said: {done.brief}")
    return done.out


def check_change(done: Completed, what: str, harmless: re.Pattern[str] | None = None) -> str:
    """Return what a changing command said. `harmless` matches what means: it was so already.

    Raises BatchUnreachable, BatchRefused.
    """
    check_reached(done, what)
    text = done.text
    if harmless is not None and harmless.search(text):
        return text
    if done.status or _REFUSED.search(text):
        raise BatchRefused(f"{what}: {done.brief or f'failed with status {done.status} and no message'}")
    return text


def check_created(done: Completed, hostname: str) -> None:
    """Judge `create node`. Raises NameUnresolvable for "Unknown node", which is how pbs_server words it, BatchUnreachable, BatchRefused."""
    check_reached(done, f"create node {hostname}")
    if UNKNOWN_NODE.search(done.text):
        raise NameUnresolvable(f"pbs_server cannot resolve {hostname} yet: {done.brief}")
    check_change(done, f"create node {hostname}", re.compile("already exists", re.IGNORECASE))


def check_maui(done: Completed, what: str) -> str:
    """Return what a command of Maui's printed. Raises BatchUnreachable when Maui does not answer, BatchRefused."""
    text = done.text
    if done.status == _SSH_FAILED or (done.status and _MAUI_SILENT.search(text)):
        raise BatchUnreachable(f"{what}: Maui does not answer: {done.brief or 'no message'}")
    if done.status or text.lstrip().startswith("ERROR"):  # releaseres refuses with status 0, on stdout
        raise BatchRefused(f"{what}: {done.brief or f'failed with status {done.status} and no message'}")
    return done.out.decode("utf-8", "replace")
