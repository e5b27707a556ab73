"""Calls that change something: commands to the engine, as the runner sends them, and what their answers are in HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..model import NodeState
from .handler import Handler, Refused

_STATUS = {"unknown": 404, "busy": 409, "starting": 503, "standby": 503, "failed": 500}
_REMOVABLE = frozenset({NodeState.HELD, NodeState.STARTING, NodeState.ERROR})


class Changer(Handler):
    """Sends the command that `Call.does` names."""

    async def serve(self, *names: str) -> None:
        arguments = {**self.call.fixed, **{self.call.subject: name for name in names}, **self.values}
        if self.call.does == "remove":
            arguments = self._check_removal(arguments)
        by = self.identity.user if self.identity else ""
        reply = await self.context.obey({"name": self.call.does, "arguments": arguments, "by": by})
        if not reply.get("ok"):
            sentence = str(reply.get("message") or f"the engine refused {self.call.does}")
            raise Refused(_STATUS.get(str(reply.get("kind", "")), 400), sentence)
        if not self.values["test"]:
            self.context.note_change(by, reply["at"])
        self.send(self._answer(reply))

    def _check_removal(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Refuse what version 1 refused, unless `hold` or `force` is said: then the engine's own rules are all."""
        hold, host = arguments.pop("hold"), arguments["node"]
        row = self.context.prepared.node(host) if self.context.prepared else None
        if hold or arguments["force"] or row is None or row.data["type"] == "physical" or row.data["jobs"]:
            return arguments
        if NodeState(row.data["state"]) not in _REMOVABLE:
            state = row.data["state_name"].lower()
            raise Refused(400, f"{host} is {state}: hold it first, or say hold=true to have it held and then removed")
        return arguments

    def _answer(self, reply: Mapping[str, Any]) -> dict[str, Any]:
        """Return version 1's answer, with the sentence and the data for those who want them."""
        wanted = "return=representation" in self.request.headers.get("Prefer", "").replace(" ", "").lower()
        if not (wanted or self.values["test"]):
            return {"success": True}
        return {"success": True, "message": str(reply.get("message", "")), "data": dict(reply.get("data") or {})}
