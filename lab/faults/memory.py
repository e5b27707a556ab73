"""What has passed: the last good answers, and which machines are how young."""

from __future__ import annotations

import threading
from collections.abc import Callable

from lab.ec2_messages import Answer, Request
from lab.faults import listings, names

_MOST = 200
# What differs between two askings of the same thing: who signed it, and when.
_NOT_COMPARED = ("X-Amz-", "Signature", "Timestamp", "Expires", "AWSAccessKeyId")


class Memory:
    """Any thread may call it. `clock` returns seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._answers: dict[tuple[object, ...], Answer] = {}
        self._launched: dict[str, float] = {}
        self._lock = threading.Lock()

    def note(self, request: Request, answer: Answer) -> None:
        """Remember a good answer that went out unspoilt."""
        with self._lock:
            if names.reads(request) and (_key(request) in self._answers or len(self._answers) < _MOST):
                self._answers[_key(request)] = answer

    def note_launch(self, request: Request, answer: Answer) -> None:
        """Remember when machines were made, whatever becomes of the answer."""
        if names.launches(request) and answer.good:
            with self._lock:
                for identity in listings.made(request, answer):
                    self._launched.setdefault(identity, self._clock())

    def past(self, request: Request) -> Answer | None:
        """Return the last good answer to the same question, None when it was never asked."""
        with self._lock:
            return self._answers.get(_key(request))

    def young(self, seconds: float) -> set[str]:
        """Return the machines made within the last `seconds`."""
        with self._lock:
            return {identity for identity, at in self._launched.items() if self._clock() - at < seconds}


def _key(request: Request) -> tuple[object, ...]:
    if not request.action:
        return (request.method, request.target, names.caller_of(request))
    parameters = {name: value for name, value in request.parameters.items() if not name.startswith(_NOT_COMPARED)}
    return (names.caller_of(request), tuple(sorted(parameters.items())))
