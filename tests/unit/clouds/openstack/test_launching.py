"""Launches on a small OpenStack over HTTP: what is asked for, lost answers, the quota, and refusals told apart."""

from __future__ import annotations

import base64
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from saltext.dynamiccluster.clouds.openstack import OpenStack, Timeouts, room
from saltext.dynamiccluster.errors import CloudError, Refusal
from saltext.dynamiccluster.model import InstanceState, LaunchOrder, Shape
from tests.unit.clouds.openstack.fake_cloud import GROUP, IMAGE, IMAGE_NAME, NETWORK, NO_VALID_HOST
from tests.unit.clouds.openstack.stage import ORDER, OURS, openstack, order, refused


class TestLaunch:
    def test_s35_owner_and_name_ride_in_the_create_call(self, fake):
        openstack(fake, metadata={"cost-centre": "1234"}, availability_zone="zone-a", key_name="ops", security_groups=["workers"]).launch(ORDER)
        (body,) = fake.bodies
        server = body["server"]
        owner = {**OURS, "dynamiccluster:intent": "intent-1", "Name": "os-a", "cost-centre": "1234"}
        assert (server["name"], server["metadata"], server["availability_zone"], server["key_name"]) == ("os-a", owner, "zone-a", "ops")
        assert server["networks"] == [{"uuid": NETWORK}] and server["security_groups"] == [{"name": "workers"}]
        assert server["tags"] == ["dynamiccluster", "dynamiccluster:cluster:one", "dynamiccluster:resource:alpha"]
        assert (server["min_count"], server["max_count"]) == (1, 1)

    def test_s33_user_data_is_the_orders(self, fake):
        openstack(fake).launch(ORDER)
        assert base64.b64decode(fake.bodies[0]["server"]["user_data"]).decode() == ORDER.user_data

    @pytest.mark.parametrize("newest", [2.1, 2.36, 2.46, 2.51, 2.60, 2.90])
    def test_clouds_of_every_age_are_spoken_to_as_they_can(self, fake, newest):
        fake.cloud.newest = newest
        cloud = openstack(fake, flavor="g1.large")
        launched = cloud.launch(ORDER)
        fake.cloud.advance()
        shown = cloud.get(launched.id)
        assert shown is not None and shown.shape == cloud.shape() == Shape(16, 65536, 2)
        assert [one.id for one in cloud.list()] == [launched.id]

    def test_names_are_looked_up(self, fake):
        cloud = openstack(fake, image=IMAGE_NAME, image_uuid=None, flavor="1", server_group="spread")
        cloud.launch(ORDER)
        (body,) = fake.bodies
        assert (body["server"]["imageRef"], body["server"]["flavorRef"]) == (IMAGE, "1")
        assert body["os:scheduler_hints"] == {"group": GROUP}

    def test_a_flavor_made_anew_is_found_after_one_refusal(self, fake):
        cloud = openstack(fake)
        cloud.launch(order(1))
        fake.cloud.flavors["7"] = fake.cloud.flavors["1"]
        for server in fake.cloud.servers.values():
            server.flavor = "7"
        del fake.cloud.flavors["1"]
        assert refused(cloud.launch, order(2)).kind is Refusal.BAD_REQUEST
        cloud.launch(order(2))
        assert fake.bodies[-1]["server"]["flavorRef"] == "7"

    @pytest.mark.parametrize(
        ("wrong", "key"),
        [
            ({"flavor": "m1.nosuch"}, "flavor"),
            ({"image_uuid": "00000000-0000-0000-0000-000000000000"}, "image_uuid"),
            ({"image_uuid": None, "image": "debian-11"}, "image"),
            ({"key_name": "nobodys"}, "key_name"),
            ({"availability_zone": "mars"}, "availability_zone"),
            ({"security_groups": ["nosuch"]}, "security_groups"),
            ({"networks": ["nosuch"]}, "networks"),
            ({"server_group": "nosuch"}, "server_group"),
        ],
    )
    def test_a_wrong_setting_stops_the_resource_and_is_named(self, fake, wrong, key):
        error = refused(openstack(fake, **wrong).launch, ORDER)
        assert (error.kind, error.certain, error.setting) == (Refusal.BAD_REQUEST, True, f"dynamiccluster:cloud:alpha:config:{key}")
        assert fake.cloud.servers == {}
        (finding,) = [one for one in openstack(fake, **wrong).check() if not one.ok]
        assert key in finding.what and finding.remedy.endswith(key)

    def test_user_data_that_the_cloud_refuses_is_not_quoted(self, fake):
        error = refused(openstack(fake).launch, replace(ORDER, user_data="t0ken" * 10_000))
        assert (error.kind, error.setting) == (Refusal.BAD_REQUEST, "dynamiccluster:cloud:alpha:config:userdata_file")
        assert "t0ken" not in str(error) and "dDBrZW" not in str(error)

    def test_raw_user_data_of_49000_octets_is_taken(self, fake):
        openstack(fake).launch(replace(ORDER, user_data="x" * 49_000))
        assert len(fake.cloud.servers) == 1

    def test_launches_side_by_side(self, fake):
        cloud = openstack(fake)
        with ThreadPoolExecutor(4) as pool:
            ids = list(pool.map(lambda number: cloud.launch(order(number)).id, range(12)))
        assert len(set(ids)) == 12 == len(fake.cloud.servers)
        assert fake.count("GET", "/networks?name=") == 1  # what all need is looked up once


class TestLostAnswers:
    """Nova has no client token: what was asked for without an answer is looked for, and not asked for again before its time."""

    def test_a_lost_answer_is_found_by_its_intent(self, fake):
        fake.cloud.loses_answers = 1
        cloud = openstack(fake)
        error = refused(cloud.launch, ORDER)
        assert (error.kind, error.certain) == (Refusal.UNREACHABLE, False)
        found = cloud.launch(replace(ORDER, tried_at=1.0))
        assert [found.id] == list(fake.cloud.servers) and fake.count("POST", "/servers") == 1

    @pytest.mark.parametrize("restarted", [False, True])
    def test_what_does_not_show_is_not_asked_for_again_before_its_time(self, fake, restarted):
        fake.cloud.swallows = 1
        cloud = openstack(fake, timeouts=Timeouts(settle=3600.0))
        refused(cloud.launch, ORDER)
        again = openstack(fake, timeouts=Timeouts(settle=3600.0)) if restarted else cloud
        error = refused(again.launch, replace(ORDER, tried_at=1.0))
        assert (error.certain, error.alone) == (False, True) and "before the cloud is asked again" in str(error)
        assert fake.count("POST", "/servers") == 1
        fake.cloud.deliver()
        assert [again.launch(replace(ORDER, tried_at=1.0)).id] == list(fake.cloud.servers)
        assert fake.count("POST", "/servers") == 1

    def test_what_never_shows_is_asked_for_again_after_its_time(self, fake):
        fake.cloud.swallows = 1
        cloud = openstack(fake, timeouts=Timeouts(settle=0.0))
        refused(cloud.launch, ORDER)
        assert [cloud.launch(replace(ORDER, tried_at=1.0)).id] == list(fake.cloud.servers)

    def test_of_several_servers_of_one_order_one_is_kept_and_the_others_are_ended(self, fake):
        fake.cloud.swallows = 1
        cloud = openstack(fake)
        refused(cloud.launch, ORDER)
        cloud.launch(replace(ORDER, tried_at=1.0))
        fake.cloud.deliver()
        kept = openstack(fake).launch(replace(ORDER, tried_at=1.0))
        fake.cloud.advance()
        assert list(fake.cloud.servers) == [kept.id]

    def test_a_sure_refusal_may_be_asked_for_again_at_once(self, fake):
        cloud = openstack(fake, timeouts=Timeouts(settle=3600.0))
        fake.troubles.append(("POST", "/servers", 429, "slow down", {"Retry-After": "7"}))
        refused(cloud.launch, ORDER)
        assert [cloud.launch(ORDER).id] == list(fake.cloud.servers)

    def test_the_same_order_in_two_threads_makes_one(self, fake):
        cloud, gate = openstack(fake), threading.Barrier(4)
        with ThreadPoolExecutor(4) as pool:
            ids = {one.id for one in pool.map(lambda _: (gate.wait(20), cloud.launch(ORDER))[1], range(4))}
        assert len(ids) == 1 == len(fake.cloud.servers)

    def test_a_renamed_server_of_an_order_is_found(self, fake):
        launched = openstack(fake).launch(ORDER)
        fake.cloud.servers[launched.id].name = "renamed by hand"
        assert openstack(fake).launch(replace(ORDER, tried_at=1.0)).id == launched.id

    def test_one_that_has_ended_is_not_made_again(self, fake):
        cloud = openstack(fake)
        launched = cloud.launch(ORDER)
        fake.cloud.servers.clear()
        assert (cloud.launch(ORDER).id, cloud.launch(ORDER).state) == (launched.id, InstanceState.INEXISTENT)
        assert fake.cloud.servers == {}

    def test_a_foreign_server_of_the_same_name_is_not_the_orders(self, fake):
        foreign = {"name": "os-a", "flavorRef": "1", "imageRef": IMAGE, "networks": "auto"}
        fake.cloud.create({"server": foreign}, 2.9)
        openstack(fake).launch(ORDER)
        assert len(fake.cloud.servers) == 2


class TestQuota:
    def test_it_is_known_before_asking(self, fake, monkeypatch):
        monkeypatch.setattr(room, "_UNCOUNTED", 0.0)  # here it is counted at once
        fake.cloud.quota["instances"] = 2
        cloud = openstack(fake)
        for number in range(2):
            cloud.launch(order(number))
            fake.cloud.advance()
        error = refused(cloud.launch, order(3))
        assert (error.kind, error.certain) == (Refusal.QUOTA, True) and "2 of 2 servers are used" in str(error)
        assert fake.count("POST", "/servers") == 2

    def test_cores_are_counted_by_the_flavor(self, fake):
        fake.cloud.quota["cores"] = 15
        error = refused(openstack(fake, flavor="g1.large").launch, ORDER)
        assert error.kind is Refusal.QUOTA and "15 cores" in str(error)

    def test_defect_forbidden_is_a_quota_only_by_its_words(self, fake):
        fake.cloud.hides_limits, fake.cloud.quota["instances"] = True, 0
        error = refused(openstack(fake).launch, ORDER)
        assert (error.kind, error.certain) == (Refusal.QUOTA, True)
        fake.cloud.quota["instances"] = -1
        fake.troubles.append(("POST", "/servers", 403, "Policy doesn't allow os_compute_api:servers:create to be performed.", {}))
        error = refused(openstack(fake).launch, ORDER)
        assert (error.kind, error.setting) == (Refusal.UNAUTHORISED, "")

    def test_a_batch_that_the_cloud_takes_and_then_refuses_says_so(self, fake):
        """8 creates side by side against a quota of 5 all gave 202; then 3 went into ERROR."""
        clouds = [openstack(fake) for _ in range(8)]
        fake.cloud.quota["instances"] = 5
        for number, cloud in enumerate(clouds):
            cloud.launch(order(number))
        fake.cloud.advance()
        shown = clouds[0].list()
        failed = [one for one in shown if one.state is InstanceState.ERROR]
        assert len(shown) == 8 and len(failed) == 3
        assert {one.refusal for one in failed} == {Refusal.QUOTA.value} and "Quota exceeded" in failed[0].detail

    @pytest.mark.thorough
    def test_launches_of_one_resource_side_by_side_count_each_other(self, fake):
        fake.cloud.quota["instances"] = 3
        cloud = openstack(fake)
        schedule = threading.Event()
        ticker = threading.Thread(target=lambda: [fake.cloud.advance() for _ in iter(lambda: schedule.wait(0.2), True)])
        ticker.start()
        try:
            with ThreadPoolExecutor(6) as pool:
                kinds = list(pool.map(lambda number: _kind(cloud, order(number)), range(6)))
        finally:
            schedule.set()
            ticker.join()
        assert sorted(kinds) == ["quota"] * 3 + ["taken"] * 3
        assert not any(one.status == "ERROR" for one in fake.cloud.servers.values())


def _kind(cloud: OpenStack, wanted: LaunchOrder) -> str:
    try:
        cloud.launch(wanted)
    except CloudError as error:
        return error.kind.value
    return "taken"


class TestRefusals:
    def test_no_valid_host_is_told_from_a_broken_server(self, fake):
        cloud = openstack(fake)
        full, broken = cloud.launch(order(1)), cloud.launch(order(2))
        fake.cloud.full = True
        fake.cloud.advance()
        fake.cloud.servers[broken.id].fault = "Build of instance x aborted: libvirt is unhappy"
        shown = {one.id: one for one in cloud.list()}
        assert (shown[full.id].refusal, shown[broken.id].refusal) == (Refusal.NO_CAPACITY.value, "")
        assert shown[full.id].detail == f"ERROR: {NO_VALID_HOST}"

    @pytest.mark.parametrize("status", [413, 429])
    def test_a_throttled_call_says_how_long_to_wait(self, fake, status):
        cloud = openstack(fake)
        cloud.list()
        fake.troubles.append(("POST", "/servers", status, "This request was rate-limited.", {"Retry-After": "37"}))
        error = refused(cloud.launch, ORDER)
        assert (error.kind, error.retry_after, error.certain) == (Refusal.THROTTLED, 37.0, True)

    def test_a_broken_server_may_have_done_it(self, fake):
        cloud = openstack(fake)
        fake.troubles.append(("POST", "/servers", 500, "Unexpected API Error.", {}))
        error = refused(cloud.launch, ORDER)
        assert (error.kind, error.certain) == (Refusal.FAILED, False)

    def test_keystone_down_is_told_and_nothing_was_asked(self, fake):
        cloud = openstack(fake)
        cloud.list()
        fake.expire_tokens()
        fake.always["/auth/tokens"] = (503, "Keystone is away")
        error = refused(cloud.launch, ORDER)
        assert (error.kind, error.certain) == (Refusal.FAILED, True)
