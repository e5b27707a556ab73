"""Client tokens as EC2 treats them: the same token and parameters give the first answer again, other parameters an error.

moto ignores the token and would make a second instance.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from lab.ec2_messages import Answer, Forward, Request, error

# What may differ between two sendings of one call: who signed it, when, and the token itself.
_NOT_COMPARED = frozenset({"ClientToken", "AWSAccessKeyId", "Timestamp", "Expires", "Signature", "SignatureMethod", "SignatureVersion"})


@dataclass
class _Slot:
    """What became of one token. The lock makes a repeated call wait for the first one's answer."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    parameters: dict[str, str] = field(default_factory=dict)
    answer: Answer | None = None


class ClientTokens:
    """The filter. A token belongs to an account, a region and an action; a call that failed uses none up."""

    def __init__(self) -> None:
        self._slots: dict[tuple[str, ...], _Slot] = {}
        self._lock = threading.Lock()

    def __call__(self, request: Request, forward: Forward) -> Answer:
        """Answer a repeated call from memory, any other one from the cloud."""
        token = request.parameters.get("ClientToken")
        if not token or request.parameters.get("DryRun", "").lower() == "true":
            return forward(request)
        with self._lock:
            slot = self._slots.setdefault((*request.caller, request.action, token), _Slot())
        with slot.lock:
            return _answer_once(slot, request, forward)


def _answer_once(slot: _Slot, request: Request, forward: Forward) -> Answer:
    parameters = {name: value for name, value in request.parameters.items() if name not in _NOT_COMPARED and not name.startswith("X-Amz-")}
    if slot.answer is None:
        answer = forward(request)
        if answer.good:
            slot.parameters, slot.answer = parameters, answer
        return answer
    if slot.parameters != parameters:
        return error(400, "IdempotentParameterMismatch",
                     "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).")
    return slot.answer
