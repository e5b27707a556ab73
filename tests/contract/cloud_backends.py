"""The clouds that the contract suite runs against. A further one (a real Nova) is one more class here and one more line in BACKENDS."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from saltext.dynamiccluster.clouds.aws import Aws, Timeouts
from saltext.dynamiccluster.errors import Refusal
from saltext.dynamiccluster.ports import Cloud
from saltext.dynamiccluster.sim.clock import VirtualClock
from saltext.dynamiccluster.sim.cloud import Account, SimulatedCloud

from .cloud_ec2 import IMAGE, Endpoint, ec2_front, error_document, free_port, moto_server, raw_client, settings, silent_port
from .cloud_openstack import real_openstack, small_openstack

BROKEN = {
    "wrong credentials": Refusal.UNAUTHORISED,
    "unreachable": Refusal.UNREACHABLE,
    "hanging": Refusal.UNREACHABLE,
    "failing": Refusal.FAILED,
    "throttled": Refusal.THROTTLED,
}


class Backend(Protocol):
    """One kind of cloud, with an account that several clouds (resources, clusters) share."""

    looks_first: bool  # a launch looks for the order's machine before it asks for one: what fails until then was surely not asked for

    def cloud(self, resource: str = "alpha", cluster: str = "one") -> Cloud:
        """Return the port of a resource."""

    def broken(self, how: str) -> Cloud:
        """Return the port of a resource whose cloud is broken in one of the ways of BROKEN."""

    def make_foreign(self, tags: Mapping[str, str]) -> str:
        """Make a machine as somebody else with the account would; return its id."""

    def pass_time(self) -> None:
        """Let as much time pass as a machine needs to become active, or to end."""


class Simulated:
    """The simulated cloud on virtual time."""

    looks_first = False

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.account = Account(self.clock)

    def cloud(self, resource: str = "alpha", cluster: str = "one") -> Cloud:
        return SimulatedCloud(self.account, cluster, resource)

    def broken(self, how: str) -> Cloud:
        cloud = SimulatedCloud(self.account, "one", "alpha")
        for operation in ("shape", "list", "get", "launch", "destroy", "adopt", "check"):
            cloud.troubles.refuse(operation, BROKEN[how], times=None)
        return cloud

    def make_foreign(self, tags: Mapping[str, str]) -> str:
        return self.account.make(tags).id

    def pass_time(self) -> None:
        self.clock.advance(60)


class Ec2:
    """moto's server process, behind the front that remembers client tokens; `more` settings say how machines are bought."""

    looks_first = False

    def __init__(self, url: str, stack: ExitStack, more: Mapping[str, Any]):
        self._url = url
        self._stack = stack
        self._more = more

    def cloud(self, resource: str = "alpha", cluster: str = "one") -> Cloud:
        return Aws(resource, cluster, settings(self._url, **self._more))

    def broken(self, how: str) -> Cloud:
        timeouts = Timeouts(connect=1.0, read=0.5) if how == "hanging" else Timeouts()
        return Aws("alpha", "one", settings(self._broken_url(how), **self._more), timeouts=timeouts)

    def _broken_url(self, how: str) -> str:
        if how == "unreachable":
            return f"http://127.0.0.1:{free_port()}"
        if how == "hanging":
            return self._stack.enter_context(silent_port())
        status, code = {
            "wrong credentials": (401, "AuthFailure"),
            "failing": (500, "InternalError"),
            "throttled": (503, "RequestLimitExceeded"),
        }[how]
        return self._stack.enter_context(Endpoint((status, error_document(code, "as told")))).url

    def make_foreign(self, tags: Mapping[str, str]) -> str:
        named = [{"Key": key, "Value": value} for key, value in tags.items()]
        specification = [{"ResourceType": "instance", "Tags": named}] if named else []
        answer = raw_client(self._url).run_instances(
            ImageId=IMAGE, MinCount=1, MaxCount=1, InstanceType="t3.micro", TagSpecifications=specification
        )
        return str(answer["Instances"][0]["InstanceId"])

    def pass_time(self) -> None:
        return  # moto's machines are active, and gone, at the next look


@contextmanager
def simulated() -> Iterator[Backend]:
    """Yield a simulated account."""
    yield Simulated()


@contextmanager
def ec2(**more: Any) -> Iterator[Backend]:
    """Yield an account of a fresh moto server."""
    with ExitStack() as stack:
        log = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "calls"
        moto = stack.enter_context(moto_server())
        yield Ec2(stack.enter_context(ec2_front(moto, log)), stack, more)


BACKENDS = {
    "simulated": simulated,
    "openstack": small_openstack,
    "ec2": ec2,
    "ec2_spot": partial(ec2, spot_bid=0.5),
    "ec2_choice": partial(ec2, instance_type=None, instance_types=["c5.xlarge", "m5.xlarge"]),
    "nova": real_openstack,
}
