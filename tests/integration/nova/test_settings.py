"""Settings whose worth only a whole stack shows: the authority of https addresses, an image's name, and a user without rights."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.nova import Account, Nova
from saltext.dynamiccluster.errors import CloudError, Refusal
from saltext.dynamiccluster.model import InstanceState

from .clouds import await_states, cloud, order, remove
from .tls import REGION, fronts

pytestmark = pytest.mark.integration


def test_cacert_is_what_https_addresses_of_keystone_and_nova_are_checked_with(nova, tmp_path):
    with fronts(nova, tmp_path) as (auth_url, authority):
        behind = {"auth_url": auth_url, "region_name": REGION}
        with pytest.raises(CloudError) as caught:
            cloud(nova, **behind).list()
        assert caught.value.kind in (Refusal.UNREACHABLE, Refusal.BAD_REQUEST) and "certificate" in str(caught.value).lower()
        port = cloud(nova, **behind, cacert=str(authority))
        assert [finding for finding in port.check() if not finding.ok] == []
        launched = port.launch(order())
        await_states(nova, port, [launched.id], InstanceState.ACTIVE)
        remove(nova, port, [launched.id])


def test_an_image_is_found_by_its_name(nova):
    port = cloud(nova, image_uuid=None, image="worker")
    launched = port.launch(order())
    assert nova.admin.servers.get(launched.id).image["id"] == nova.image
    with pytest.raises(CloudError, match="no image 'wor'") as caught:
        cloud(nova, image_uuid=None, image="wor").launch(order())
    assert (caught.value.kind, caught.value.setting) == (Refusal.BAD_REQUEST, "dynamiccluster:cloud:alpha:config:image")
    assert [one.id for one in nova.servers()] == [launched.id]


@pytest.fixture
def watcher(nova: Nova) -> Iterator[Account]:
    """Yield a user who may look at the cluster's project and no more."""
    session, base, project = nova.admin.client.session, nova.auth_url, nova.member.project_id
    described = {"name": "watcher", "password": "looks only", "domain_id": "default"}
    user = session.post(f"{base}/users", json={"user": described}).json()["user"]["id"]
    roles = {one["name"]: one["id"] for one in session.get(f"{base}/roles").json()["roles"]}
    session.put(f"{base}/projects/{project}/users/{user}/roles/{roles['reader']}")
    yield Account("watcher", "looks only", nova.member.project, project)
    session.delete(f"{base}/users/{user}")


def test_what_nova_s_policy_forbids_is_a_missing_right_and_no_quota(nova, watcher):
    there = nova.make_server("wn-000001", meta={"dynamiccluster:cluster": "one", "dynamiccluster:resource": "alpha"})
    port = cloud(nova, username=watcher.user, password=watcher.password)
    assert [one.id for one in port.list()] == [there.id]
    for call in (lambda: port.launch(order()), lambda: port.destroy(there.id)):
        with pytest.raises(CloudError) as caught:
            call()
        assert (caught.value.kind, caught.value.certain) == (Refusal.UNAUTHORISED, True), caught.value
        assert "policy" in str(caught.value).lower()
    assert [one.id for one in nova.servers()] == [there.id]
