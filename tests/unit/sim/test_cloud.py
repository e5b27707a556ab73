"""The switches of the simulated cloud; that it is a cloud at all is the contract suite's to say."""

from __future__ import annotations

import pytest

from saltext.dynamiccluster.errors import CloudError, Refusal
from saltext.dynamiccluster.model import InstanceState, LaunchOrder, Shape
from saltext.dynamiccluster.sim.clock import VirtualClock
from saltext.dynamiccluster.sim.cloud import Account, SimulatedCloud


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def account(clock) -> Account:
    return Account(clock)


@pytest.fixture
def cloud(account) -> SimulatedCloud:
    return SimulatedCloud(account, "one", "alpha", Shape(8, 1024))


def order(number: int = 1) -> LaunchOrder:
    return LaunchOrder(f"intent-{number}", f"wn-{number}", "x", 0.0)


def states(cloud) -> list[InstanceState]:
    return [instance.state for instance in cloud.list()]


def test_the_same_calls_give_the_same_world():
    def run() -> tuple:
        clock = VirtualClock()
        cloud = SimulatedCloud(Account(clock, boot=7), "one", "alpha")
        for number in range(3):
            cloud.launch(order(number))
            clock.advance(5)
        cloud.destroy("sim-000002")
        return cloud.list()

    assert run() == run()


def test_a_machine_boots_and_ends_in_its_time(clock, account, cloud):
    id_ = cloud.launch(order()).id
    seen = []
    for _ in range(4):
        clock.advance(10)
        seen += states(cloud)
    assert seen == [InstanceState.STARTING, InstanceState.STARTING, InstanceState.ACTIVE, InstanceState.ACTIVE]
    cloud.destroy(id_)
    assert states(cloud) == [InstanceState.DELETING]
    clock.advance(10)
    assert states(cloud) == [InstanceState.INEXISTENT]
    clock.advance(3600)
    assert cloud.list() == () and cloud.get(id_) is None


class TestTroubles:
    @pytest.mark.parametrize("kind", list(Refusal))
    def test_a_refusal_does_nothing_and_is_over_after_its_times(self, account, cloud, kind):
        cloud.troubles.refuse("launch", kind, times=2, setting="s")
        for _ in range(2):
            with pytest.raises(CloudError) as error:
                cloud.launch(order())
            assert (error.value.kind, error.value.setting) == (kind, "s")
            assert error.value.certain is (kind not in (Refusal.UNREACHABLE, Refusal.FAILED))
        assert account.launches == 0
        assert cloud.launch(order()).id in account.machines

    def test_a_lost_reply_has_happened_and_the_same_order_finds_it(self, account, cloud):
        cloud.troubles.lose_reply("launch")
        with pytest.raises(CloudError) as error:
            cloud.launch(order())
        assert (error.value.kind, error.value.certain) == (Refusal.UNREACHABLE, False)
        assert len(account.living()) == 1
        assert cloud.launch(order()).id == account.living()[0].id
        assert account.launches == 1

    def test_a_lost_reply_to_destroy_ends_it_all_the_same(self, clock, account, cloud):
        id_ = cloud.launch(order()).id
        cloud.troubles.lose_reply("destroy")
        with pytest.raises(CloudError):
            cloud.destroy(id_)
        clock.advance(10)
        assert account.living() == []

    def test_a_lasting_trouble_lasts_until_it_is_mended(self, cloud):
        cloud.troubles.refuse("list", Refusal.UNREACHABLE, times=None)
        for _ in range(3):
            with pytest.raises(CloudError):
                cloud.list()
        cloud.troubles.mend("list")
        assert cloud.list() == ()

    def test_troubles_of_one_resource_are_not_anothers(self, account, cloud):
        cloud.troubles.refuse("list", Refusal.FAILED)
        assert SimulatedCloud(account, "one", "beta").list() == ()

    def test_a_listing_may_be_cut_short(self, cloud):
        for number in range(3):
            cloud.launch(order(number))
        cloud.troubles.truncate_list = 1
        assert len(cloud.list()) == 1

    def test_a_listing_may_be_stale(self, clock, cloud):
        first = cloud.launch(order(1)).id
        clock.advance(60)
        cloud.launch(order(2))
        cloud.destroy(first)
        cloud.troubles.stale_list = 20
        assert states(cloud) == [InstanceState.ACTIVE]
        clock.advance(25)
        assert states(cloud) == [InstanceState.DELETING, InstanceState.STARTING]


class TestAccount:
    def test_a_new_machine_shows_late(self, clock, account, cloud):
        account.lag = 5
        id_ = cloud.launch(order()).id
        assert (cloud.list(), cloud.get(id_)) == ((), None)
        assert cloud.launch(order()).id == id_
        clock.advance(5)
        assert cloud.list()[0].id == cloud.get(id_).id == id_

    def test_one_may_never_become_active_and_one_may_break(self, clock, account, cloud):
        account.stuck_next, account.broken_next = 1, 0
        cloud.launch(order(1))
        account.broken_next = 1
        cloud.launch(order(2))
        cloud.launch(order(3))
        clock.advance(1e6)
        assert states(cloud) == [InstanceState.STARTING, InstanceState.ERROR, InstanceState.ACTIVE]

    @pytest.mark.parametrize(("switch", "kind"), [("quota", Refusal.QUOTA), ("capacity", Refusal.NO_CAPACITY)])
    def test_a_limit_counts_what_lives(self, clock, account, cloud, switch, kind):
        setattr(account, switch, 1)
        id_ = cloud.launch(order(1)).id
        with pytest.raises(CloudError) as error:
            cloud.launch(order(2))
        assert error.value.kind is kind and error.value.certain
        cloud.destroy(id_)
        clock.advance(10)
        assert cloud.launch(order(2)).id != id_

    def test_machines_end_stop_and_vanish_outside_of_us(self, clock, account, cloud):
        ids = [cloud.launch(order(number)).id for number in range(3)]
        clock.advance(30)
        account.end(ids[0])
        account.stop(ids[1])
        account.forget(ids[2])
        assert states(cloud) == [InstanceState.INEXISTENT, InstanceState.ERROR]
        assert [instance.stopped for instance in cloud.list()] == [False, True]
        assert cloud.get(ids[2]) is None
        cloud.destroy(ids[1])
        assert cloud.get(ids[1]).state is InstanceState.DELETING

    def test_every_call_is_kept_with_what_it_was_about(self, cloud):
        id_ = cloud.launch(order()).id
        cloud.get(id_)
        cloud.list()
        assert cloud.calls == [("launch", "intent-1"), ("get", id_), ("list", "")]
