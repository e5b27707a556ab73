"""What can go wrong with the lab, each with the next step."""

from __future__ import annotations


class LabError(Exception):
    """The lab cannot do what was asked. `hint` says what to do about it."""

    def __init__(self, problem: str, hint: str = "") -> None:
        super().__init__(f"{problem}: {hint}" if hint else problem)
        self.problem = problem
        self.hint = hint


class CommandFailed(LabError):
    """A command inside the lab ended with a non-zero status."""

    def __init__(self, command: str, status: int, output: str) -> None:
        super().__init__(f"`{command}` ended with {status}", output.strip()[-2000:])
        self.status = status
        self.output = output


class TimedOut(LabError):
    """Something that was waited for did not happen."""
