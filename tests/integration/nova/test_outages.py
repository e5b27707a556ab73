"""Services that are down, hang, come back: nothing is taken for gone, nothing is launched twice, nobody waits for ever."""

from __future__ import annotations

import time

import pytest

from saltext.dynamiccluster.errors import CloudError, Refusal
from saltext.dynamiccluster.model import InstanceState

from .clouds import QUICK, await_states, cloud, order, remove

pytestmark = pytest.mark.integration
HUNG_S = 2.5


def refusals(port) -> set[Refusal]:
    found = set()
    for call in (port.list, lambda: port.launch(order()), lambda: port.get("5b0c9c2e-0000-4000-8000-000000000000")):
        with pytest.raises(CloudError) as caught:
            call()
        found.add(caught.value.kind)
    return found


def test_nova_down_is_unreachable_and_its_servers_are_still_there_afterwards(nova):
    port = cloud(nova, timeouts=QUICK)
    launched = port.launch(order())
    await_states(nova, port, [launched.id], InstanceState.ACTIVE)
    with nova.down("nova"):
        assert refusals(port) == {Refusal.UNREACHABLE}
        with pytest.raises(CloudError):
            port.destroy(launched.id)
    assert [one.id for one in port.list()] == [launched.id]
    assert len(nova.servers()) == 1
    remove(nova, port, [launched.id])


def test_keystone_down_with_a_cached_token_is_an_error_and_never_an_empty_cloud(nova):
    port = cloud(nova, timeouts=QUICK)
    launched = port.launch(order())
    await_states(nova, port, [launched.id], InstanceState.ACTIVE)
    with nova.down("keystone"):
        # Nova believes in the token a little longer, and what it says is the truth. Then it cannot ask, and answers 500.
        assert refusal_in_the_end(nova, port, [launched.id]).kind in (Refusal.FAILED, Refusal.UNREACHABLE)
        with pytest.raises(CloudError):
            cloud(nova, timeouts=QUICK).list()
    assert [one.id for one in port.list()] == [launched.id]


def refusal_in_the_end(nova, port, ids: list[str]) -> CloudError:
    """List until that is refused; until then each listing is right."""

    def refused() -> CloudError | None:
        try:
            assert [one.id for one in port.list()] == ids
        except CloudError as error:
            return error
        return None

    return nova.wait_for(refused, 60, "a listing that is refused")


def test_neutron_down_fails_the_launch_and_leaves_nothing(nova):
    port = cloud(nova)
    with nova.down("neutron"):
        with pytest.raises(CloudError) as caught:
            port.launch(order())
        assert caught.value.kind in (Refusal.FAILED, Refusal.UNREACHABLE)
        assert port.list() == ()
    assert nova.servers() == []


@pytest.mark.parametrize("service", ["nova", "keystone"])
def test_a_hung_endpoint_costs_no_more_than_its_timeout(nova, service):
    port = cloud(nova)
    if service == "nova":
        port.list()  # signed in: what hangs is the service itself
    patient, port.api.session.timeout = port.api.session.timeout, HUNG_S
    with nova.hung(service):
        began = time.monotonic()
        with pytest.raises(CloudError) as caught:
            port.list()
        # Keystone and Nova may each be asked twice before it is given up.
        assert time.monotonic() - began < 6 * HUNG_S
        assert caught.value.kind is Refusal.UNREACHABLE
    port.api.session.timeout = patient
    assert nova.wait_for(lambda: port.list() == (), 60, "the service to answer again")


def test_tokens_that_expire_are_renewed(nova):
    with nova.short_tokens(8):
        port = cloud(nova)
        launched = port.launch(order())
        ends = time.monotonic() + 10
        while time.monotonic() < ends:
            assert [one.id for one in port.list()] == [launched.id]
            time.sleep(1)
        remove(nova, port, [launched.id])


def test_a_token_that_keystone_revoked_is_renewed(nova):
    port = cloud(nova)
    port.list()
    token = port.api.session.get_token()
    port.api.session.delete(f"{nova.auth_url}/auth/tokens", headers={"X-Subject-Token": token})
    assert nova.wait_for(lambda: port.list() == () and port.api.session.get_token() != token, 30, "another token")
