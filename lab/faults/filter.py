"""The filter that stands between a client and its cloud."""

from __future__ import annotations

import time
from collections.abc import Callable

from lab.ec2_messages import Answer, Forward, Request
from lab.faults import names
from lab.faults.effects import EFFECTS, Call, applies
from lab.faults.memory import Memory
from lab.faults.table import Table


class Faults:
    """Spoils the calls that the table's rules strike. `clock` returns seconds: how young a machine is, is told by it."""

    def __init__(self, table: Table, clock: Callable[[], float] = time.monotonic) -> None:
        self.table = table
        self._memory = Memory(clock)

    def __call__(self, request: Request, forward: Forward) -> Answer:
        """Answer one call, well or badly."""

        def carry(passed: Request) -> Answer:
            answer = forward(passed)
            self._memory.note_launch(passed, answer)
            return answer

        over = self.table.changed
        struck = self.table.draw(names.name_of(request), names.caller_of(request), lambda fault: applies(fault, request))
        if struck is not None:
            fault, rule = struck
            return EFFECTS[fault](Call(request, carry, rule, self._memory, over))
        answer = carry(request)
        if answer.good:
            self._memory.note(request, answer)
        return answer
