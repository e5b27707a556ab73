"""The adapter against a small OpenStack that answers, over HTTP, what was measured on a real one: signing in, listing, ending."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor

import pytest

from saltext.dynamiccluster.clouds.openstack import OpenStack, Timeouts
from saltext.dynamiccluster.errors import Refusal
from saltext.dynamiccluster.model import InstanceState
from tests.contract.cloud_openstack import settings
from tests.unit.clouds.openstack.fake_cloud import IMAGE, PASSWORD, SECRET, Refused
from tests.unit.clouds.openstack.fake_http import REGION
from tests.unit.clouds.openstack.stage import ORDER, OURS, openstack, order, refused


class TestSigningIn:
    def test_s33_an_application_credential_and_a_region(self, fake):
        nobody = {"username": None, "password": None, "project": None}
        cloud = openstack(
            fake, **nobody, application_credential_id="app-id", application_credential_secret=SECRET, region_name=REGION
        )
        assert cloud.list() == ()

    def test_credentials_for_another_project_find_no_empty_cloud(self, fake):
        assert openstack(fake, project_id="c0ffee00c0ffee00c0ffee00c0ffee00").list() == ()
        error = refused(openstack(fake, project_id="0" * 32).list)
        assert (error.kind, error.setting) == (Refusal.UNAUTHORISED, "dynamiccluster:cloud:alpha:config:project_id")

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

    @pytest.mark.thorough
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
    @pytest.mark.thorough
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
    assert details["flavor m1.small"] == "2 cores, 4096 MiB, 0 GPUs" and "soft-anti-affinity" in details["server_group spread"]


def test_the_check_says_when_the_quota_has_no_room_at_all(fake):
    fake.cloud.quota["cores"] = 1
    (finding,) = [one for one in openstack(fake).check() if not one.ok]
    assert finding.what.endswith("quota") and "even were it empty" in finding.detail
