"""OpenStack for the contract suite: the adapter over a small OpenStack in this process, or over the lab's real one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from saltext.dynamiccluster.clouds.openstack import OpenStack
from saltext.dynamiccluster.clouds.openstack.session import make_session
from saltext.dynamiccluster.ports import Cloud
from saltext.dynamiccluster.settings.openstack import OpenStackSettings
from tests.unit.clouds.openstack.fake_http import IMAGE, NETWORK_NAME, PASSWORD, FakeOpenStack

if TYPE_CHECKING:
    from lab.nova import Nova


def settings(auth_url: str, **more: Any) -> OpenStackSettings:
    """Return settings of a resource on the small OpenStack."""
    given = {
        "auth_url": auth_url,
        "username": "hpc",
        "password": PASSWORD,
        "project": "cluster",
        "image_uuid": IMAGE,
        "flavor": "m1.small",
        "networks": [NETWORK_NAME],
        "instance_name_prefix": "os-",
        **more,
    }
    return OpenStackSettings.model_validate({key: value for key, value in given.items() if value is not None})


class Small:
    """The small OpenStack. Time passes there only when it is told to."""

    looks_first = True

    def __init__(self, fake: FakeOpenStack, stack: ExitStack):
        self.fake, self._stack = fake, stack

    def cloud(self, resource: str = "alpha", cluster: str = "one") -> Cloud:
        return OpenStack(resource, cluster, settings(self.fake.auth_url))

    def broken(self, how: str) -> Cloud:
        """Return a cloud that breaks after it was in use: signing in and learning what Nova speaks are done."""
        fake = self._stack.enter_context(FakeOpenStack())
        given = settings(fake.auth_url)
        session = make_session(given, 20.0)
        cloud = OpenStack("alpha", "one", given, session=session)
        cloud.list()
        cloud.destroy("i-0")
        _BREAK[how](fake)
        if how == "hanging":
            session.timeout = 0.1  # only what never answers is not waited for
        return cloud

    def make_foreign(self, tags: Mapping[str, str]) -> str:
        metadata = {key: value for key, value in tags.items() if key != "Name"}
        server = {"name": tags.get("Name", "theirs"), "flavorRef": "1", "imageRef": IMAGE, "metadata": metadata, "networks": "auto"}
        made = self.fake.cloud.create({"server": server}, 2.90)
        assert made is not None
        return made.id

    def pass_time(self) -> None:
        self.fake.cloud.advance()


def _revoke(fake: FakeOpenStack) -> None:
    fake.expire_tokens()
    fake.always["/auth/tokens"] = (401, "The request you have made requires authentication.")


_BREAK: dict[str, Callable[[FakeOpenStack], None]] = {
    "wrong credentials": _revoke,
    "unreachable": lambda fake: fake.stop(),
    "hanging": lambda fake: setattr(fake, "hangs", "/compute"),
    "failing": lambda fake: fake.always.update({"/compute": (500, "Unexpected API Error.")}),
    "throttled": lambda fake: fake.always.update({"/compute": (429, "This request was rate-limited.")}),
}


@contextmanager
def small_openstack() -> Iterator[Small]:
    """Yield a project of a small OpenStack in this process."""
    with ExitStack() as stack:
        yield Small(stack.enter_context(FakeOpenStack()), stack)


class Real:
    """The lab's Keystone, Nova, Placement, Glance and Neutron. Who breaks it in other ways than by a wrong password is in tests/integration/nova."""

    looks_first = True

    def __init__(self, nova: Nova, small: Small):
        self.nova, self._small = nova, small
        self._session = make_session(self.settings(), 60.0)  # one for all: signing in takes Keystone a good while

    def settings(self, **more: Any) -> OpenStackSettings:
        """Return settings of a resource in the cluster's project."""
        given = {"networks": [self.nova.network], "security_groups": [self.nova.security_group], "key_name": self.nova.key_name, **more}
        return OpenStackSettings.model_validate(self.nova.settings(**given))

    def cloud(self, resource: str = "alpha", cluster: str = "one") -> Cloud:
        return OpenStack(resource, cluster, self.settings(), session=self._session)

    def broken(self, how: str) -> Cloud:
        if how != "wrong credentials":
            return self._small.broken(how)
        return OpenStack("alpha", "one", self.settings(password="guess"))

    def make_foreign(self, tags: Mapping[str, str]) -> str:
        metadata = {key: value for key, value in tags.items() if key != "Name"}
        made = str(self.nova.make_server(tags.get("Name", "theirs"), self.nova.colleague, meta=metadata).id)
        if not metadata:  # nobody's: one that is to be adopted; Nova changes no metadata while it builds
            self.nova.wait_for(lambda: self.nova.admin.servers.get(made).status != "BUILD", 120, "a foreign server to be built")
        return made

    def pass_time(self) -> None:
        self.nova.wait_for(self._settled, 120, "servers to be built or gone")

    def _settled(self) -> bool:
        return all(one.status != "BUILD" and getattr(one, "OS-EXT-STS:task_state") is None for one in self.nova.servers("hpc"))


@contextmanager
def real_openstack(nova: Nova) -> Iterator[Real]:
    """Yield the project of a running stack; it is empty again afterwards."""
    with small_openstack() as small:
        try:
            yield Real(nova, small)
        finally:
            nova.clear()
