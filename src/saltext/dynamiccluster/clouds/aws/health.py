"""What EC2 says of its machines beside their state: checks that fail, and what it will soon do to them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ...errors import CloudError
from ...model import Instance
from .api import Api

log = logging.getLogger(__name__)

EVERY = 60.0  # seconds: EC2 checks once a minute
KEPT = 600.0  # seconds for which the last answer holds while EC2 does not give another
PATIENCE = 180.0  # seconds that a check must have failed: a machine that starts anew, or a short trouble, is no reason to replace it
# After each of these the machine is gone, or everything on it was ended. Work on its network or power alone is no reason to leave it.
_EVENTS = ("instance-retirement", "instance-stop", "instance-reboot", "system-reboot")
_FILTERS = (
    ("instance-status.status", ["impaired"]),
    ("system-status.status", ["impaired"]),
    ("event.code", list(_EVENTS)),
)
_OVER = ("[completed]", "[canceled]")


@dataclass(frozen=True, slots=True)
class Condition:
    """What is wrong with a machine, and what is to happen to it; "": nothing."""

    impaired: str = ""
    notice: str = ""


class Health:
    """The conditions of a resource's machines: three calls a minute that only answer with machines in trouble, however many there are."""

    def __init__(self, api: Api, clock: Callable[[], float] = time.time):
        self._api, self._clock = api, clock
        self._known: Mapping[str, Condition] = {}
        self._asked_at = self._read_at = 0.0
        self._trouble = ""

    def put_on(self, instances: Iterable[Instance]) -> tuple[Instance, ...]:
        """Return the instances with what is known of their condition. Not being able to ask does not make a listing worthless."""
        instances = tuple(instances)
        if instances:
            self._ask()
        conditions = self._known
        return tuple(
            replace(instance, impaired=found.impaired, notice=found.notice) if (found := conditions.get(instance.id)) else instance
            for instance in instances
        )

    def _ask(self) -> None:
        now = self._clock()
        if now - self._asked_at < EVERY:
            return
        self._asked_at = now
        try:
            statuses = [raw for name, values in _FILTERS for raw in self._statuses(name, values)]
        except CloudError as error:
            self._note_trouble(str(error))
            if now - self._read_at > KEPT:
                self._known = {}
            return
        self._trouble, self._read_at = "", now
        merged: dict[str, Condition] = {}
        for raw in statuses:
            id_, found = str(raw.get("InstanceId") or ""), read_condition(raw, now)
            if found != Condition():
                merged[id_] = _merge(merged.get(id_, Condition()), found)
        self._known = merged

    def _statuses(self, name: str, values: list[str]) -> list[Mapping[str, Any]]:
        filters = [{"Name": name, "Values": values}]
        pages = self._api.pages("describe_instance_status", "ask for the machines' health", Filters=filters, MaxResults=1000)
        return [raw for page in pages for raw in page.get("InstanceStatuses") or ()]

    def _note_trouble(self, error: str) -> None:
        if error != self._trouble:
            log.warning("%s", error)
        self._trouble = error


def read_condition(raw: Mapping[str, Any], now: float) -> Condition:
    """Read one item of DescribeInstanceStatus. Pure."""
    failed = [
        f"{what} status check failed since {_day(since)}"
        for what, key in (("instance", "InstanceStatus"), ("system", "SystemStatus"))
        if (since := _impaired_since(raw.get(key) or {}, now)) is not None
    ]
    coming = [event for event in raw.get("Events") or () if _is_coming(event)]
    coming.sort(key=lambda event: (_EVENTS.index(event["Code"]), str(event.get("NotBefore") or "")))
    return Condition("; ".join(failed), _describe(coming[0]) if coming else "")


def _impaired_since(status: Mapping[str, Any], now: float) -> datetime | None:
    """Return since when a check fails, None when it does not, or not for long enough."""
    if status.get("Status") != "impaired":
        return None
    times = [detail["ImpairedSince"] for detail in status.get("Details") or () if detail.get("ImpairedSince")]
    since = min(times, default=None)
    return since if since is not None and now - since.timestamp() >= PATIENCE else None


def _is_coming(event: Mapping[str, Any]) -> bool:
    return event.get("Code") in _EVENTS and not str(event.get("Description") or "").lower().startswith(_OVER)


def _describe(event: Mapping[str, Any]) -> str:
    when = f" on {_day(event['NotBefore'])}" if event.get("NotBefore") else ""
    text = " ".join(str(event.get("Description") or "").split())[:200]
    return f"{event['Code']}{when}" + (f": {text}" if text else "")


def _day(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M} UTC"


def _merge(one: Condition, other: Condition) -> Condition:
    return Condition(one.impaired or other.impaired, one.notice or other.notice)
