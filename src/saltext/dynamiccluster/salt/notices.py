"""What nodes hear of their machines' future, as their beacon tells it.

Any minion can fire any tag with any id in it. So only what the accepted key of the minion itself has signed counts; the signed text names the minion
and its machine, and says when it was signed.
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import salt.crypt

from ..model import Notice, NoticeKind
from .keys import Throttle
from .keystore import ACCEPTED

log = logging.getLogger(__name__)

BEACON = "dynamiccluster_notice"
_OLDEST = 600.0  # seconds: what was signed longer ago is a repetition, or from a clock that is wrong
_LONGEST = 8192  # characters of a message
_MOST = 8  # notices in one
_LONGEST_TEXT = 200
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,253}")
# By a listing the cloud tells it, and by nobody else.
_TOLD_BY_NODES = {kind.value: kind for kind in NoticeKind if kind is not NoticeKind.IMPAIRED}

Tell = Callable[[Notice, str, str], object]


class Refused(Exception):
    """A message that is not believed; the text says why."""


class Notices:
    """Listens to the beacon of the nodes. `tell(notice, minion id, instance id)` takes what is true; `defer` runs a call in a thread."""

    def __init__(self, opts: Mapping[str, Any], tell: Tell, defer: Callable[..., object], now: Callable[[], float] = time.time):
        self._keys = Path(str(opts["pki_dir"])) / ACCEPTED
        self._tell, self._defer, self._now = tell, defer, now
        self._throttle = Throttle()

    def wants(self, tag: str) -> bool:
        """Tell whether an event's tag is the beacon's."""
        parts = tag.split("/")
        return len(parts) >= 4 and parts[:2] == ["salt", "beacon"] and parts[3] == BEACON

    def hear(self, tag: str, data: Mapping[str, Any]) -> None:
        """Take in one event; returns at once."""
        self._defer(self._judge, tag.split("/")[2], dict(data))

    def _judge(self, minion_id: str, data: Mapping[str, Any]) -> None:
        try:
            instance, found = self.read(minion_id, data)
        except Refused as refusal:
            if self._throttle.allows(str(refusal)):
                log.warning("a notice in the name of %s is not believed: %s", ascii(minion_id)[:100], refusal)
            return
        for notice in found:
            self._tell(notice, minion_id, instance)

    def read(self, minion_id: str, data: Mapping[str, Any]) -> tuple[str, tuple[Notice, ...]]:
        """Return the instance's id and the notices of a message. Raises Refused unless the minion itself, and nobody else, has just signed it."""
        text = data.get("said")
        if not isinstance(text, str) or len(text) > _LONGEST:
            raise Refused("it is no message of the beacon")
        if not _ID.fullmatch(minion_id) or not self._is_signed(minion_id, text, data.get("signature")):
            raise Refused("it is not signed by this minion's accepted key")
        try:
            content = json.loads(text)
            if content["id"] != minion_id:
                raise Refused("it was signed for another id")
            if abs(self._now() - float(content["at"])) > _OLDEST:
                raise Refused("it was signed at another time; compare the clocks")
            return str(content["instance"]), tuple(self._notices(content["notices"]))
        except (ValueError, TypeError, KeyError) as error:
            raise Refused(f"it cannot be understood: {type(error).__name__}") from error

    def _notices(self, items: list[Mapping[str, Any]]) -> Iterator[Notice]:
        for item in items[:_MOST]:
            kind = _TOLD_BY_NODES.get(str(item["kind"]))
            if kind is not None:
                text = " ".join(str(item["text"]).split())[:_LONGEST_TEXT]
                yield Notice(kind, text, float(item["due"]), self._now())

    def _is_signed(self, minion_id: str, text: str, signature: object) -> bool:
        key = self._keys / minion_id
        if not isinstance(signature, str) or not key.is_file():
            return False
        try:
            return bool(salt.crypt.verify_signature(str(key), text.encode(), base64.b64decode(signature, validate=True)))
        except (binascii.Error, ValueError, OSError):
            return False
        except Exception as error:  # Salt's own errors for keys differ from version to version; none of them is a yes
            log.debug("the signature of %s cannot be checked: %r", minion_id, error)
            return False
