"""Writes the engine's events, one JSON line each, to standard output. Run as `python -m lab.events` on a head with a Salt master."""

from __future__ import annotations

import json
import sys
import time

import salt.config
import salt.utils.event

_PREFIX = "dynamiccluster/"
_NOISE = ("/heartbeat", "/plan/decided", "/command/")
_SILENCE = 45.0  # seconds; engines have a heartbeat each 20 s, so a bus this silent is one that a dead master has left behind


def main() -> None:
    """Follow the bus until killed."""
    options = salt.config.master_config("/etc/salt/master")
    while True:
        with salt.utils.event.get_event("master", opts=options, listen=True) as bus:
            _follow(bus)


def _follow(bus: salt.utils.event.SaltEvent) -> None:
    heard = time.monotonic()
    while time.monotonic() - heard < _SILENCE:
        event = bus.get_event(wait=5, full=True, auto_reconnect=True)
        if event:
            heard = time.monotonic()
        if event and event["tag"].startswith(_PREFIX) and not any(part in event["tag"] for part in _NOISE):
            sys.stdout.write(json.dumps({"time": time.time(), "tag": event["tag"], "data": event["data"]}, default=str) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
