"""An EC2 account inside this process: moto's own application behind the lab's front, which can fail; and what is really in the account."""

from __future__ import annotations

import re
import threading
import time
import urllib.parse
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.ec2 import ec2_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.server import create_backend_app
from werkzeug.test import Client

from lab.ec2_counts import Counts
from lab.ec2_front import OneChange, Server
from lab.ec2_messages import Answer, Filter, Forward, Request, chain
from lab.ec2_tokens import ClientTokens
from lab.faults import Faults, Table
from lab.faults.names import name_of
from saltext.dynamiccluster.clouds.ownership import INTENT, RESOURCE
from saltext.dynamiccluster.clouds.ownership import name_of as name_of_tags
from saltext.dynamiccluster.intents import is_batch

REGION = "us-east-1"
_EXPIRATION = re.compile(rb"<Expiration>[^<]*</Expiration>")
_LIVING = ("pending", "running", "stopping", "stopped", "shutting-down")


class Moto:
    """moto as the last of the filters, without a socket."""

    def __init__(self) -> None:
        self._client = Client(DomainDispatcherApplication(create_backend_app))

    def __call__(self, request: Request) -> Answer:
        url = f"http://127.0.0.1:5000{request.target}"
        headers = {name: value for name, value in request.headers.items() if name not in ("content-length", "connection")}
        got = self._client.open(path=urllib.parse.urlsplit(url).path, method=request.method, data=request.body, headers=headers, base_url="http://127.0.0.1:5000")
        return Answer(got.status_code, {"Content-Type": got.content_type}, got.get_data())


class Front:
    """The front at one address for all tests. `clients`: those of boto3 by access key, which take long to make and know nothing of an account."""

    def __init__(self) -> None:
        self.moto, self.clients = Moto(), dict[str, dict[bool, Any]]()
        self._server = Server(("127.0.0.1", 0), self.moto)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def serve(self, *filters: Filter) -> None:
        """Put these filters before moto from now on, in place of all others."""
        self._server.forward = chain(filters, self.moto)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def shorten_roles(request: Request, forward: Forward) -> Answer:
    """Let the keys of a role end in a minute, so that they are asked for anew before each call."""
    answer = forward(request)
    if request.action != "AssumeRole":
        return answer
    ends = time.strftime("<Expiration>%Y-%m-%dT%H:%M:%SZ</Expiration>", time.gmtime(time.time() + 60))
    return replace(answer, body=_EXPIRATION.sub(ends.encode(), answer.body))


class Account:
    """The account, fresh. `table` holds its faults, `calls` counts what reached the front, by name."""

    def __init__(self, front: Front, clock: Callable[[], float]) -> None:
        ec2_backends[DEFAULT_ACCOUNT_ID][REGION].reset()
        self.table, self.calls, self.url = Table(), Counter[str](), front.url
        front.serve(self._count, Faults(self.table, clock), shorten_roles, ClientTokens(), Counts(), OneChange())

    def close(self) -> None:
        self.table.clear()

    def machines(self) -> list[Any]:
        """Return every machine ever made, as moto knows it."""
        return list(ec2_backends[DEFAULT_ACCOUNT_ID][REGION].all_instances())

    def living(self, resource: str = "") -> list[Any]:
        """Return the machines that are not gone, those of one resource when named."""
        return [one for one in self.machines() if one.state in _LIVING and resource in ("", tag(one, RESOURCE))]

    def launched_twice(self) -> list[str]:
        """Return the intents for which more machines were ever made than were asked for."""
        made = Counter(tag(one, INTENT) for one in self.machines())
        return [intent for intent, count in made.items() if intent and count > _most(intent)]

    def _count(self, request: Request, forward: Callable[[Request], Answer]) -> Answer:
        self.calls[name_of(request)] += 1
        return forward(request)


def tag(machine: Any, key: str) -> str:
    """Return one tag of a machine, "" when it has none."""
    return next((str(one["value"]) for one in machine.get_tags() if one["key"] == key), "")


def name_of_machine(machine: Any) -> str:
    """Return what the machine calls itself."""
    return name_of_tags({one["key"]: one["value"] for one in machine.get_tags()}, str(machine.id))


def _most(intent: str) -> int:
    return int(intent.rpartition("x")[2]) if is_batch(intent) else 1
