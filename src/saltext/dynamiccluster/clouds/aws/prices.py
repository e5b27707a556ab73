"""What spot machines cost now: EC2's own price for their type and zone."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from ...errors import CloudError
from ...model import Instance, InstanceState
from .api import Api

log = logging.getLogger(__name__)

EVERY = 600.0  # seconds: prices change a few times a day
_PRODUCTS = ["Linux/UNIX", "Linux/UNIX (Amazon VPC)"]


class Prices:
    """The spot prices of a resource's types by zone, an hour of one machine each, in US dollars."""

    def __init__(self, api: Api, clock: Callable[[], float] = time.time):
        self._api, self._clock = api, clock
        self._known: dict[tuple[str, str], float] = {}
        self._asked_for: frozenset[str] = frozenset()
        self._asked_at = 0.0

    def put_on(self, instances: Iterable[Instance]) -> tuple[Instance, ...]:
        """Return the instances, spot ones with their price. A price that EC2 does not tell is None."""
        instances = tuple(instances)
        types = frozenset(item.flavor for item in instances if _is_priced(item))
        if types:
            self._ask(types)
        known = self._known
        return tuple(replace(item, price=known.get((item.flavor, item.zone))) if _is_priced(item) else item for item in instances)

    def _ask(self, types: frozenset[str]) -> None:
        now = self._clock()
        if now - self._asked_at < EVERY and types <= self._asked_for:
            return
        self._asked_at, self._asked_for = now, types
        try:
            pages = self._api.pages(
                "describe_spot_price_history",
                "ask for spot prices",
                InstanceTypes=sorted(types),
                ProductDescriptions=_PRODUCTS,
                StartTime=datetime.fromtimestamp(now, UTC),  # only the prices that hold now
            )
            self._known = read_prices(raw for page in pages for raw in page.get("SpotPriceHistory") or ())
        except CloudError as error:
            log.info("%s", error)


def read_prices(history: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], float]:
    """Return the newest price by (type, zone). Pure."""
    newest: dict[tuple[str, str], tuple[datetime, float]] = {}
    for raw in history:
        key = (str(raw.get("InstanceType") or ""), str(raw.get("AvailabilityZone") or ""))
        at, price = raw.get("Timestamp") or datetime.fromtimestamp(0, UTC), _number(raw.get("SpotPrice"))
        if price is not None and (key not in newest or at >= newest[key][0]):
            newest[key] = (at, price)
    return {key: price for key, (_, price) in newest.items()}


def _number(text: Any) -> float | None:
    try:
        return float(text)
    except (TypeError, ValueError):
        return None


def _is_priced(instance: Instance) -> bool:
    return instance.market == "spot" and instance.state is not InstanceState.INEXISTENT
