"""The adapter against a small OpenStack that answers, over HTTP, what was measured on a real one."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from saltext.dynamiccluster.clouds.openstack import OpenStack, Timeouts
from saltext.dynamiccluster.errors import CloudError, Refusal
from saltext.dynamiccluster.model import InstanceState, LaunchOrder, Shape
from tests.contract.cloud_openstack import settings
from tests.unit.clouds.openstack.fake_cloud import GROUP, IMAGE, IMAGE_NAME, NETWORK, NO_VALID_HOST, PASSWORD, SECRET, Refused
from tests.unit.clouds.openstack.fake_http import REGION, FakeOpenStack

ORDER = LaunchOrder("intent-1", "os-a", "#!/bin/sh\n# t0ken\n", 0.0)
FAST = Timeouts(call=20.0, listing=20.0, settle=0.0)
OURS = {"dynamiccluster:cluster": "one", "dynamiccluster:resource": "alpha"}


@pytest.fixture
def fake() -> Iterator[FakeOpenStack]:
    with FakeOpenStack() as found:
        yield found


def openstack(fake: FakeOpenStack, *, page: int | None = None, timeouts: Timeouts = FAST, **more) -> OpenStack:
    return OpenStack("alpha", "one", settings(fake.auth_url, **more), timeouts=timeouts, page=page)


def order(number: int) -> LaunchOrder:
    return LaunchOrder(f"intent-{number}", f"os-{number:06d}", "", 0.0)


def refused(call, *arguments) -> CloudError:
    with pytest.raises(CloudError) as error:
        call(*arguments)
    return error.value


class TestSigningIn:
    def test_s33_an_application_credential_and_a_region(self, fake):
        nobody = {"username": None, "password": None, "project": None}
        cloud = openstack(
            fake, **nobody, application_credential_id="app-id", application_credential_secret=SECRET, region_name=REGION
        )
        assert cloud.list() == ()

    @pytest.mark.parametrize("ending", ["", "/", "/v3", "/v3/", "/v2.0"])
    def test_keystones_address_in_every_form(self, fake, ending):
        assert OpenStack("alpha", "one", settings(fake.auth_url + ending)).list() == ()

    @pytest.mark.parametrize(
        "wrong", [{"password": "guess"}, {"username": "nobody"}, {"project": "other"}, {"user_domain_name": "Other"}, {"project_domain_name": "Other"}]
    )
    def test_wrong_credentials_stop_the_resource_and_show_no_secret(self, fake, wrong):
        error = refused(openstack(fake, **wrong).list)
        assert (error.kind, error.setting) == (Refusal.UNAUTHORISED, "dynamiccluster:cloud:alpha:config:username")
        assert PASSWORD not in str(error) and "guess" not in str(error)

    def test_s33_a_wrong_region_names_its_setting(self, fake):
        error = refused(openstack(fake, region_name="elsewhere").list)
        assert (error.kind, error.setting) == (Refusal.BAD_REQUEST, "dynamiccluster:cloud:alpha:config:region_name")

    def test_an_ended_token_is_renewed_for_reads_and_for_changes(self, fake):
        cloud = openstack(fake)
        launched = cloud.launch(ORDER)
        for call in (cloud.list, lambda: cloud.launch(order(2)), lambda: cloud.destroy(launched.id)):
            fake.expire_tokens()
            call()
        assert fake.count("POST", "/auth/tokens") == 4
        assert len(fake.cloud.servers) == 2

    def test_one_session_signs_in_once_for_all_calls(self, fake):
        cloud = openstack(fake)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda number: cloud.launch(order(number)), range(8)))
        assert fake.count("POST", "/auth/tokens") == 1

    def test_a_missing_file_of_certificates_names_its_setting(self, fake):
        cloud = OpenStack("alpha", "one", settings(fake.auth_url.replace("http:", "https:"), cacert="/nonexistent/ca.pem"))
        error = refused(cloud.list)
        assert error.setting == "dynamiccluster:cloud:alpha:config:cacert"

    def test_what_is_no_openstack_is_unreachable(self, fake):
        error = refused(OpenStack("alpha", "one", settings(f"{fake.url}/compute/v2.1")).list)
        assert error.kind in (Refusal.BAD_REQUEST, Refusal.UNREACHABLE, Refusal.UNAUTHORISED)

    def test_a_hung_cloud_is_given_up_in_time(self, fake):
        cloud = openstack(fake, timeouts=Timeouts(call=0.3))
        cloud.list()
        fake.hangs = "/compute"
        assert refused(cloud.destroy, "x-1").kind is Refusal.UNREACHABLE

    def test_no_representation_and_no_log_holds_a_secret(self, fake, caplog):
        caplog.set_level(logging.DEBUG)
        cloud = openstack(fake)
        cloud.launch(ORDER)
        text = repr(cloud) + repr(cloud.api) + caplog.text
        assert PASSWORD not in text and "t0ken" not in text and "dDBrZW4" not in text


class TestListing:
    def test_defect_repeated_and_lost_rows_of_pages_do_not_show(self, fake):
        """Paging while servers are built repeated rows (305 for 60 servers) and lost some (53 of 60)."""
        cloud, small = openstack(fake), openstack(fake, page=10)
        made = {cloud.launch(order(number)).id for number in range(60)}
        fake.cloud.moves_while_paging = True
        for _ in range(4):
            listed = [instance.id for instance in small.list()]
            assert len(listed) == len(set(listed)) and set(listed) == made

    def test_a_cloud_that_gives_few_rows_at_once_is_read_to_the_end(self, fake):
        cloud = openstack(fake)
        made = {cloud.launch(order(number)).id for number in range(25)}
        fake.cloud.advance()
        fake.cloud.max_limit = 7
        assert {instance.id for instance in cloud.list()} == made

    def test_a_place_in_the_pages_that_ends_meanwhile_costs_nothing(self, fake):
        cloud, small = openstack(fake), openstack(fake, page=5)
        made = {cloud.launch(order(number)).id for number in range(12)}
        fake.cloud.advance()
        page = fake.cloud.page
        fake.cloud.page = lambda query: _lose_marker(fake, page, query)
        assert made <= {instance.id for instance in small.list()} | fake.lost

    def test_s34_a_page_that_fails_fails_the_listing(self, fake):
        cloud, small = openstack(fake), openstack(fake, page=2)
        for number in range(5):
            cloud.launch(order(number))
        small.list()
        served = fake.cloud.page
        fake.cloud.page = lambda query: _fail_on_second(served, query)
        assert refused(small.list).kind is Refusal.FAILED

    def test_defect_names_decide_nothing(self, fake):
        cloud = openstack(fake, instance_name_prefix="dc-")
        for name, metadata in (("dc-aaaaaa", {}), ("abcd-dc-x", {}), ("os-a", {**OURS, "dynamiccluster:resource": "alph"})):
            fake.cloud.create({"server": {"name": name, "flavorRef": "1", "imageRef": IMAGE, "networks": "auto", "metadata": metadata}}, 2.9)
        assert cloud.list() == ()

    def test_defect_created_is_unix_time(self, fake):
        cloud = openstack(fake)
        cloud.launch(ORDER)
        (shown,) = cloud.list()
        assert shown.created > 1.6e9

    def test_a_cell_that_does_not_answer_hides_nothing_that_was_known(self, fake):
        cloud = openstack(fake)
        launched = cloud.launch(ORDER)
        fake.cloud.create({"server": {"name": "theirs", "flavorRef": "1", "imageRef": IMAGE, "networks": "auto"}}, 2.9)
        fake.cloud.advance()
        cloud.list()
        for server in fake.cloud.servers.values():
            server.in_down_cell = True
        (shown,) = cloud.list()
        assert (shown.id, shown.name, shown.intent, shown.state) == (launched.id, "os-a", "intent-1", InstanceState.UNKNOWN)
        found = cloud.get(launched.id)
        assert found is not None and (found.state, found.intent) == (InstanceState.UNKNOWN, "intent-1")

    def test_s34_a_cell_that_does_not_answer_after_a_restart_is_an_error(self, fake):
        openstack(fake).launch(ORDER)
        next(iter(fake.cloud.servers.values())).in_down_cell = True
        assert refused(openstack(fake).list).kind is Refusal.UNREACHABLE


def _fail_on_second(served, query):
    if "marker" in query:
        raise Refused(500, "Unexpected API Error.")
    return served(query)


def _lose_marker(fake, served, query):
    """Take away the server behind which the next page would begin, once."""
    page, more = served(query)
    if not getattr(fake, "lost", None):
        fake.lost = {page[-1].id}
        del fake.cloud.servers[page[-1].id]
    return page, more


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
        import base64

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
    def test_it_is_known_before_asking(self, fake):
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


class TestDestroy:
    def test_states_while_it_ends(self, fake):
        cloud = openstack(fake)
        launched = cloud.launch(ORDER)
        cloud.destroy(launched.id)
        (shown,) = cloud.list()
        assert (shown.state, shown.detail) == (InstanceState.DELETING, "BUILD/deleting")
        fake.cloud.advance()
        assert cloud.get(launched.id) is None

    def test_a_delete_that_did_not_take_shows_and_is_repeated(self, fake):
        cloud = openstack(fake)
        launched = cloud.launch(ORDER)
        fake.cloud.advance()
        fake.cloud.deaf_deletes = 1
        cloud.destroy(launched.id)
        assert cloud.list()[0].state is InstanceState.ACTIVE
        cloud.destroy(launched.id)
        assert cloud.list()[0].state is InstanceState.DELETING

    def test_a_locked_server_is_told_with_what_to_do(self, fake):
        cloud = openstack(fake)
        launched = cloud.launch(ORDER)
        fake.cloud.servers[launched.id].locked = True
        error = refused(cloud.destroy, launched.id)
        assert error.kind is Refusal.FAILED and f"openstack server unlock {launched.id}" in str(error)
        assert "locked" in cloud.list()[0].detail

    def test_one_that_the_cloud_keeps_for_a_while_is_ended_for_good(self, fake):
        cloud = openstack(fake)
        launched = cloud.launch(ORDER)
        fake.cloud.reclaims = True
        cloud.destroy(launched.id)
        fake.cloud.advance()
        assert cloud.list()[0].detail == "SOFT_DELETED"
        cloud.destroy(launched.id)
        fake.cloud.advance()
        assert cloud.get(launched.id) is None

    @pytest.mark.parametrize("id_", ["../flavors/1", "x/action", "", "a b"])
    def test_an_id_that_is_none_never_becomes_a_path(self, fake, id_):
        cloud = openstack(fake)
        cloud.destroy(id_)
        assert cloud.get(id_) is None
        assert refused(cloud.adopt, id_, {}).kind is Refusal.BAD_REQUEST
        assert not any(id_ and id_ in path for _, path in fake.calls)


def test_the_console_is_evidence(fake):
    cloud = openstack(fake)
    launched = cloud.launch(ORDER)
    assert cloud.console(launched.id) == "console of os-a\n"


def test_the_check_names_versions_quota_and_what_it_found(fake):
    fake.cloud.quota.update(instances=10, cores=20)
    cloud = openstack(fake, key_name="ops", availability_zone="zone-a", security_groups=["workers"], server_group="spread")
    details = {finding.what.removeprefix("cloud alpha: "): finding.detail for finding in cloud.check()}
    assert all(finding.ok for finding in cloud.check())
    assert "2.90" in details["access"] and details["quota"] == "0 of 10 servers and 0 of 20 cores are used"
    assert details["flavor m1.small"] == "2 cores, 4096 MiB, 0 GPUs" and GROUP[:0] in details["server_group spread"]


def test_the_check_says_when_the_quota_has_no_room_at_all(fake):
    fake.cloud.quota["cores"] = 1
    (finding,) = [one for one in openstack(fake).check() if not one.ok]
    assert finding.what.endswith("quota") and "even were it empty" in finding.detail
