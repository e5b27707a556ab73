"""The handle of one running stack: what settings need, raw clients for looking from outside, and switches for faults."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from lab.nova import configuration, template
from lab.nova.daemons import Daemons
from lab.nova.places import ACCOUNTS, KEY_NAME, NETWORKS, REGION, SECURITY_GROUP, Place

T = TypeVar("T")
MICROVERSION = "2.90"
_CLIENT_TIMEOUT_S = 60
_UNLIMITED = -1


@dataclass(frozen=True)
class Account:
    """A user of one project; both lie in the domain Default."""

    user: str
    password: str
    project: str
    project_id: str


class Nova:
    """A real OpenStack until the block ends, or the process. `member` is the cluster's user, `colleague` another one of the same project,
    `stranger` one of another project, who has a network and a security group of the same kind.

    Zones are `zone-a` and `zone-b`, flavors those of `places.FLAVORS`.
    """

    region, key_name, security_group = REGION, KEY_NAME, SECURITY_GROUP
    network = NETWORKS["hpc"]

    def __init__(self, token_seconds: int = configuration.TOKEN_S) -> None:
        self._token_seconds = token_seconds
        self._stack = ExitStack()
        self._sessions: dict[Account, Any] = {}
        self.daemons: Daemons

    def __enter__(self) -> Nova:
        template.ensure()
        with ExitStack() as stack:
            path = stack.enter_context(template.scratch())
            self.daemons = template.instantiate(path, token_seconds=self._token_seconds)
            stack.callback(self.daemons.stop, clean=False)
            self._stack = stack.pop_all()
        self._warm_up()
        return self

    def _warm_up(self) -> None:
        """Send each service a first request, alone: what they prepare then is not made for several at once."""
        self.client().limits.get()
        self.wait_for(self._shows_network, 60, "Neutron to show the network")

    def _shows_network(self) -> bool:
        answer = self.client().client.session.get(f"{self.place.url('neutron')}/v2.0/networks", raise_exc=False)
        return answer.ok and self.network_id in {one["id"] for one in answer.json()["networks"]}

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    # What settings need

    @property
    def place(self) -> Place:
        """Return the stack's directory and what it knows of itself."""
        return self.daemons.place

    @property
    def auth_url(self) -> str:
        """Return Keystone's address."""
        return self.place.url("keystone")

    @property
    def image(self) -> str:
        """Return the id of the one image."""
        return str(self.place.facts["image"])

    @property
    def network_id(self) -> str:
        """Return the id of the cluster's network."""
        return str(self.place.facts["networks"]["hpc"])

    @property
    def credential(self) -> tuple[str, str]:
        """Return id and secret of an application credential of the member."""
        found = self.place.facts["credentials"]
        return found["id"], found["secret"]

    @property
    def member(self) -> Account:
        """Return the cluster's account."""
        return self.account("cluster")

    @property
    def colleague(self) -> Account:
        """Return another user of the cluster's project."""
        return self.account("colleague")

    @property
    def stranger(self) -> Account:
        """Return a user of another project."""
        return self.account("stranger")

    def account(self, user: str) -> Account:
        """Return one of the accounts by its user's name."""
        project = ACCOUNTS[user]
        return Account(user, self.place.secret(user), project, self.place.facts["projects"][project])

    def settings(self, **more: Any) -> dict[str, Any]:
        """Return the configuration of an `openstack` resource of the member's; a key given as None is left out."""
        base = {
            "auth_url": self.auth_url, "region_name": self.region, "username": self.member.user, "password": self.member.password,
            "project": self.member.project, "image_uuid": self.image, "flavor": "lab.small", "instance_name_prefix": "wn-", **more,
        }
        return {key: value for key, value in base.items() if value is not None}

    # Looking from outside

    def client(self, account: Account | None = None, microversion: str = MICROVERSION) -> Any:
        """Return novaclient for an account, the member's when none is given."""
        from novaclient import client

        account = account or self.member
        if account not in self._sessions:
            self._sessions[account] = self._session(account)
        return client.Client(microversion, session=self._sessions[account], region_name=self.region)

    @cached_property
    def admin(self) -> Any:
        """Return novaclient for the cloud's administrator."""
        return self.client(Account("admin", self.place.secret("admin"), "admin", ""))

    def _session(self, account: Account) -> Any:
        from keystoneauth1 import session
        from keystoneauth1.identity import v3

        auth = v3.Password(self.auth_url, username=account.user, password=account.password, project_name=account.project,
                           user_domain_name="Default", project_domain_name="Default")
        return session.Session(auth, timeout=_CLIENT_TIMEOUT_S)

    def servers(self, project: str = "") -> list[Any]:
        """Return all servers that exist, deleted ones not, of one project by its name or of all, each once."""
        search = {"all_tenants": True, **({"project_id": self.place.facts["projects"][project]} if project else {})}
        return list({one.id: one for one in self.admin.servers.list(search_opts=search, limit=-1)}.values())

    def ports(self, project: str = "hpc") -> list[str]:
        """Return the ids of the network ports that a project has: each server has one, nobody else any."""
        session = self.admin.client.session
        answer = session.get(f"{self.place.url('neutron')}/v2.0/ports", params={"project_id": self.place.facts["projects"][project]})
        return [one["id"] for one in answer.json()["ports"]]

    def make_server(self, name: str, account: Account | None = None, **more: Any) -> Any:
        """Make a server as somebody else would: with no metadata unless given as `meta`, and no network; return it, still building."""
        given = {"image": self.image, "flavor": self.flavor("lab.small"), "nics": "none", **more}
        return self.client(account).servers.create(name, **given)

    def flavor(self, name: str) -> str:
        """Return a flavor's id."""
        return str(next(one.id for one in self.admin.flavors.list() if one.name == name))

    def clear(self, within: float = 120) -> None:
        """Delete every server there is, and lift the quotas and knobs that a test left."""
        self.knobs()
        self.set_quota()
        for one in self.servers():
            self.admin.servers.delete(one.id)
        self.wait_for(lambda: not self.servers(), within, "all servers to be gone")

    def wait_for(self, condition: Callable[[], T], within: float = 60, what: str = "a condition", every: float = 0.3) -> T:
        """Return the first true value of `condition`. Raises TimeoutError after `within` seconds."""
        ends = time.monotonic() + within
        while not (value := condition()):
            if time.monotonic() > ends:
                raise TimeoutError(f"waited {within:.0f} s for {what}; logs in {self.place.path}/logs\n{self.daemons.tail('nova')}")
            time.sleep(every)
        return value

    # Faults

    def kill(self, service: str) -> None:
        """End a service at once: keystone, placement, glance, neutron, nova."""
        self.daemons.kill(service)

    def start(self, service: str) -> None:
        """Start a service that was killed and return when it listens."""
        self.daemons.start(service)

    @contextmanager
    def down(self, service: str) -> Iterator[None]:
        """Have a service refuse connections until the block ends."""
        self.kill(service)
        try:
            yield
        finally:
            self.start(service)

    @contextmanager
    def hung(self, service: str) -> Iterator[None]:
        """Have a service take connections and not answer until the block ends."""
        self.daemons.signal(service, signal.SIGSTOP)
        try:
            yield
        finally:
            self.daemons.signal(service, signal.SIGCONT)

    @contextmanager
    def short_tokens(self, seconds: int) -> Iterator[None]:
        """Have Keystone's new tokens expire after that many seconds until the block ends."""
        self._change_tokens(seconds)
        try:
            yield
        finally:
            self._change_tokens(self._token_seconds)

    def _change_tokens(self, seconds: int) -> None:
        configuration.write_keystone(self.place, seconds)
        self.daemons.signal("keystone", signal.SIGHUP)
        self.wait_for(lambda: abs(self._token_life() - seconds) < 0.2 * seconds + 1, 30, "Keystone to have read its file")

    def _token_life(self) -> float:
        """Return for how many seconds a new token is good."""
        session = self._session(self.member)
        return float((session.auth.get_access(session).expires - datetime.now(timezone.utc)).total_seconds())

    def set_quota(self, project: str = "hpc", instances: int = _UNLIMITED, cores: int = _UNLIMITED, ram: int = _UNLIMITED) -> None:
        """Set a project's quota; what is not given is unlimited."""
        self.admin.quotas.update(self.place.facts["projects"][project], instances=instances, cores=cores, ram=ram, force=True)

    def knobs(self, **knobs: object) -> None:
        """Set the virt driver's knobs for all servers (see `inside/driver.py`): spawn_seconds, spawn_failure, destroy_seconds. Without any: none."""
        file = self.place.path / "knobs.json"
        new = Path(f"{file}.new")
        new.write_text(json.dumps(knobs), encoding="utf-8")
        new.replace(file)

    def lose(self, server: str) -> None:
        """Have a server vanish as by another's hand: the administrator deletes it."""
        self.admin.servers.delete(server)

    def fail(self, server: str) -> None:
        """Put a server into ERROR, as a broken host does."""
        self.admin.servers.reset_state(server, "error")
