"""The contract of the Cloud port. Every cloud, simulated or real, is held to it."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator

import pytest

from saltext.dynamiccluster.errors import CloudError, Refusal
from saltext.dynamiccluster.intents import new_batch
from saltext.dynamiccluster.model import BatchOrder, Instance, InstanceState, LaunchOrder
from saltext.dynamiccluster.ports import Cloud

from .cloud_backends import BACKENDS, BROKEN, Backend

_NUMBERS = itertools.count(1)
_REAL = {"ec2", "ec2_spot", "ec2_choice", "nova"}
_ONE_BY_ONE = {"openstack", "nova"}  # have no call for several machines
_LIVING = {InstanceState.PENDING, InstanceState.STARTING, InstanceState.ACTIVE}


def _backend(name: str) -> object:
    return pytest.param(name, marks=pytest.mark.integration) if name in _REAL else name


@pytest.fixture(scope="module", params=[_backend(name) for name in BACKENDS])
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    given = (request.getfixturevalue("nova_stack"),) if request.param == "nova" else ()
    with BACKENDS[request.param](*given) as found:
        yield found


@pytest.fixture
def cloud(backend: Backend) -> Cloud:
    """Return a resource that no other test uses, in an account that all use."""
    return backend.cloud(f"alpha{next(_NUMBERS)}")


def make_order() -> LaunchOrder:
    number = next(_NUMBERS)
    return LaunchOrder(f"intent-{number}", f"wn-{number:06d}", "#!/bin/sh\n", 0.0)


def living(cloud: Cloud) -> dict[str, Instance]:
    return {instance.id: instance for instance in cloud.list() if instance.state in _LIVING}


class TestLife:
    def test_an_empty_resource_lists_nothing(self, cloud):
        assert cloud.list() == ()

    def test_a_console_is_told_by_its_last_lines(self, backend, cloud):
        read = getattr(cloud, "console", None)
        if read is None:
            pytest.skip("this cloud keeps no consoles")
        launched = cloud.launch(make_order())
        backend.pass_time()
        assert read(launched.id, 1).splitlines() == read(launched.id).splitlines()[-1:]

    def test_a_launch_is_listed_active_ended_and_gone(self, backend, cloud):
        launched = cloud.launch(make_order())
        assert launched.state in _LIVING
        backend.pass_time()
        assert living(cloud)[launched.id].state is InstanceState.ACTIVE
        cloud.destroy(launched.id)
        backend.pass_time()
        assert living(cloud) == {}
        left = cloud.get(launched.id)
        assert left is None or left.state is InstanceState.INEXISTENT

    def test_name_owner_and_intent_are_there_from_the_first_answer_on(self, cloud):
        order = make_order()
        launched = cloud.launch(order)
        for shown in (launched, cloud.get(launched.id), living(cloud)[launched.id]):
            assert (shown.name, shown.resource, shown.intent) == (order.name, launched.resource, order.intent)
            assert launched.resource.startswith("alpha")

    def test_an_active_machine_has_address_shape_and_time(self, backend, cloud):
        launched = cloud.launch(make_order())
        backend.pass_time()
        shown = cloud.get(launched.id)
        assert shown.address and shown.private_dns
        assert shown.shape == cloud.shape()
        assert shown.created > 1e9

    def test_the_shape_has_cores_and_memory(self, cloud):
        shape = cloud.shape()
        assert shape.cores >= 1 and shape.memory_mb >= 256

    def test_the_listing_has_no_repeats(self, cloud):
        ids = [cloud.launch(make_order()).id for _ in range(3)]
        listed = [instance.id for instance in cloud.list()]
        assert sorted(listed) == sorted(ids)


@pytest.mark.parametrize("backend", [_backend(name) for name in BACKENDS if name not in _ONE_BY_ONE], indirect=True, scope="module")
class TestMany:
    """Of clouds that launch several machines with one call."""

    @pytest.fixture
    def order(self) -> BatchOrder:
        return BatchOrder(new_batch(3), 3, "#!/bin/sh\n", 0.0)

    def test_each_has_a_name_of_its_own_and_all_have_the_order_s_intent(self, cloud, order):
        made = {instance.id: instance for instance in cloud.launch_many(order)}
        assert len(made) == 3 and cloud.most_at_once >= 1
        for shown in (made, living(cloud), {id_: cloud.get(id_) for id_ in made}):
            assert {id_: shown[id_].name for id_ in shown} == {id_: made[id_].name for id_ in made}
            assert {shown[id_].intent for id_ in shown} == {order.intent}
        assert len({instance.name for instance in made.values()}) == 3

    def test_the_same_order_again_makes_no_further_machines(self, cloud, order):
        first = {instance.id for instance in cloud.launch_many(order)}
        assert {instance.id for instance in cloud.launch_many(order)} == first == set(living(cloud))

    def test_one_of_them_may_be_ended_alone(self, backend, cloud, order):
        made = cloud.launch_many(order)
        cloud.destroy(made[1].id)
        backend.pass_time()
        assert set(living(cloud)) == {made[0].id, made[2].id}


class TestIdempotency:
    def test_the_same_order_again_makes_no_second_machine(self, cloud):
        order = make_order()
        assert cloud.launch(order).id == cloud.launch(order).id
        assert len(living(cloud)) == 1

    def test_the_same_order_from_a_restarted_engine_makes_no_second_machine(self, backend):
        name, order = f"alpha{next(_NUMBERS)}", make_order()
        first = backend.cloud(name).launch(order)
        assert backend.cloud(name).launch(order).id == first.id

    def test_equal_orders_of_two_resources_are_two(self, backend):
        order = make_order()
        one, two = (backend.cloud(f"alpha{next(_NUMBERS)}") for _ in range(2))
        assert one.launch(order).id != two.launch(order).id

    def test_destroying_twice_succeeds(self, backend, cloud):
        launched = cloud.launch(make_order())
        cloud.destroy(launched.id)
        cloud.destroy(launched.id)
        backend.pass_time()
        cloud.destroy(launched.id)
        assert living(cloud) == {}


class TestOwnership:
    @pytest.mark.parametrize(
        "tags",
        [
            {},
            {"Name": "wn-000001"},
            {"dynamiccluster:cluster": "one"},
            {"dynamiccluster:cluster": "two", "dynamiccluster:resource": "RESOURCE"},
            {"dynamiccluster:cluster": "one", "dynamiccluster:resource": "RESOURCE2"},
            {"dynamiccluster:cluster": "one", "dynamiccluster:resource": ""},
        ],
    )
    def test_defect_a_foreign_machine_is_never_listed_whatever_its_name(self, backend, tags):
        """Names decide nothing, and neither does a part of the tags."""
        name = f"alpha{next(_NUMBERS)}"
        backend.make_foreign({key: value.replace("RESOURCE", name) for key, value in tags.items()})
        assert backend.cloud(name).list() == ()

    @pytest.mark.parametrize("wild", ["*", "alph?", "a*"])
    def test_a_resource_named_like_a_pattern_lists_only_its_own(self, backend, cloud, wild):
        cloud.launch(make_order())
        assert backend.cloud(wild).list() == ()

    def test_a_foreign_machine_is_found_by_id_and_shows_no_resource(self, backend, cloud):
        shown = cloud.get(backend.make_foreign({"Name": "theirs"}))
        assert (shown.name, shown.resource) == ("theirs", "")

    def test_an_adopted_machine_is_listed_from_then_on(self, backend, cloud):
        foreign = backend.make_foreign({"Name": "theirs"})
        adopted = cloud.adopt(foreign, {"dynamiccluster:intent": "by-hand"})
        assert (adopted.id, adopted.name, adopted.intent) == (foreign, "theirs", "by-hand")
        assert living(cloud)[foreign].resource == adopted.resource
        assert cloud.adopt(foreign, {}).id == foreign

    def test_a_machine_of_another_resource_is_not_adopted(self, backend, cloud):
        other = backend.cloud("beta", "two").launch(make_order())
        with pytest.raises(CloudError, match="beta"):
            cloud.adopt(other.id, {})
        assert cloud.list() == ()


class TestUnknown:
    def test_an_unknown_id_is_none(self, cloud, unknown_id):
        assert cloud.get(unknown_id) is None

    def test_destroying_an_unknown_id_succeeds(self, cloud, unknown_id):
        cloud.destroy(unknown_id)

    def test_adopting_an_unknown_id_is_refused(self, cloud, unknown_id):
        with pytest.raises(CloudError) as refused:
            cloud.adopt(unknown_id, {})
        assert refused.value.kind is Refusal.BAD_REQUEST

    @pytest.fixture
    def unknown_id(self) -> str:
        return "i-0123456789abcdef0"


class TestListingWhileOthersBuild:
    def test_every_listing_is_complete_for_what_was_there_before(self, backend, cloud):
        """Paging while servers build must neither lose nor repeat what was there already."""
        before = {cloud.launch(make_order()).id for _ in range(4)}
        builder = threading.Thread(target=_launch_many, args=(cloud, 6))
        builder.start()
        try:
            listings = list(_list_while(cloud, builder))
        finally:
            builder.join(60)
        assert listings
        for listing in listings:
            ids = [instance.id for instance in listing]
            assert len(ids) == len(set(ids))
            assert before <= set(ids)
        assert len(living(cloud)) == 10


def _launch_many(cloud: Cloud, count: int) -> None:
    for _ in range(count):
        cloud.launch(make_order())


def _list_while(cloud: Cloud, builder: threading.Thread) -> Iterator[tuple[Instance, ...]]:
    yield cloud.list()
    while builder.is_alive():
        yield cloud.list()
        builder.join(0.2)  # a real cloud builds slowly while it lists


CALLS: dict[str, Callable[[Cloud], object]] = {
    "list": lambda cloud: cloud.list(),
    "get": lambda cloud: cloud.get("i-0123456789abcdef0"),
    "shape": lambda cloud: cloud.shape(),
    "launch": lambda cloud: cloud.launch(make_order()),
    "destroy": lambda cloud: cloud.destroy("i-0123456789abcdef0"),
    "adopt": lambda cloud: cloud.adopt("i-0123456789abcdef0", {}),
}


# Each takes its while to give up.
_SOME_CALLS = [name if name in ("list", "launch", "destroy") else pytest.param(name, marks=pytest.mark.thorough) for name in CALLS]


@pytest.mark.parametrize("how", BROKEN)
class TestBroken:
    @pytest.mark.parametrize("call", _SOME_CALLS)
    @pytest.mark.thorough
    def test_s34_an_error_is_an_error_never_an_empty_answer(self, backend, how, call):
        with pytest.raises(CloudError) as error:
            CALLS[call](backend.broken(how))
        assert error.value.kind is BROKEN[how]
        assert str(error.value).startswith("resource alpha: could not ")

    @pytest.mark.parametrize("call", ["launch", "destroy"])
    @pytest.mark.thorough
    def test_only_an_answer_makes_certain_that_nothing_was_done(self, backend, how, call):
        with pytest.raises(CloudError) as error:
            CALLS[call](backend.broken(how))
        not_asked = call == "launch" and backend.looks_first
        assert error.value.certain is (how in ("wrong credentials", "throttled") or not_asked)

    @pytest.mark.thorough
    def test_the_check_says_so_and_does_not_raise(self, backend, how):
        findings = backend.broken(how).check()
        assert not findings[0].ok and findings[0].detail and findings[0].remedy


def test_the_check_of_a_sound_cloud_finds_nothing_wrong(cloud):
    assert [finding for finding in cloud.check() if not finding.ok] == []
    assert cloud.list() == ()
