"""Launches over HTTP against an endpoint that answers as EC2 does: the template, the fleet, and each refusal."""

from __future__ import annotations

import pytest

from saltext.dynamiccluster.clouds.aws import Aws, Timeouts
from saltext.dynamiccluster.clouds.aws import fleet as fleet_module
from saltext.dynamiccluster.errors import CloudError, Refusal
from saltext.dynamiccluster.model import BatchOrder, LaunchOrder
from tests.contract.cloud_ec2 import Endpoint, error_document, settings

ORDER = LaunchOrder("intent-1", "wn-a", "t0ken", 0.0)
SEVERAL = {"instance_type": None, "instance_types": ["c5.large", "m5.large"], "spot_bid": 0.1}
TEMPLATE = (200, b"<CreateLaunchTemplateResponse><launchTemplate/></CreateLaunchTemplateResponse>")
EXISTS = (400, error_document("InvalidLaunchTemplateName.AlreadyExistsException", "in use"))
GONE = (400, error_document("InvalidLaunchTemplateName.NotFoundException", "does not exist"))
TEMPLATES = (200, b"<DescribeLaunchTemplatesResponse><launchTemplates/></DescribeLaunchTemplatesResponse>")
TYPES = (200, b"<DescribeInstanceTypesResponse><instanceTypeSet/></DescribeInstanceTypesResponse>")


def choice(kind: str, zone: str) -> str:
    place = f"<availabilityZone>{zone}</availabilityZone>" if zone else ""
    return f"<launchTemplateAndOverrides><overrides><instanceType>{kind}</instanceType>{place}</overrides></launchTemplateAndOverrides>"


def failure(code: str, kind: str = "c5.large", zone: str = "us-east-1a", text: str = "as told") -> str:
    return f"<item>{choice(kind, zone)}<lifecycle>spot</lifecycle><errorCode>{code}</errorCode><errorMessage>{text}</errorMessage></item>"


def fleet(*errors: str, machine: str = "") -> tuple[int, bytes]:
    """Return an answer with these errors and, of one offering, these machines (ids with blanks in between)."""
    made = ""
    if machine:
        ids = "".join(f"<item>{one}</item>" for one in machine.split())
        ids = f"<instanceIds>{ids}</instanceIds>"
        made = f"<item>{choice('m5.large', 'us-east-1b')}<lifecycle>spot</lifecycle><instanceType>m5.large</instanceType>{ids}</item>"
    document = f"<CreateFleetResponse><errorSet>{''.join(errors)}</errorSet><fleetInstanceSet>{made}</fleetInstanceSet></CreateFleetResponse>"
    return 200, document.encode()


def aws(url: str, **more) -> Aws:
    return Aws("alpha", "one", settings(url, **{**SEVERAL, **more}), timeouts=Timeouts(connect=30.0, read=30.0, listing=60.0))


def launch(*answers, order: LaunchOrder = ORDER, **more):
    """Return what a launch raised, and the actions asked for."""
    with Endpoint(*answers) as endpoint:
        with pytest.raises(CloudError) as error:
            aws(endpoint.url, **more).launch(order)
        return error.value, [request["Action"] for request in endpoint.requests]


class TestTemplate:
    def test_it_is_made_once_and_serves_all_launches(self):
        answers = [TEMPLATE, TEMPLATES, fleet(machine="i-1"), TYPES, fleet(machine="i-2"), TYPES]
        with Endpoint(*answers) as endpoint:
            cloud = aws(endpoint.url)
            assert [cloud.launch(ORDER).id, cloud.launch(LaunchOrder("intent-2", "wn-b", "", 0.0)).id] == ["i-1", "i-2"]
            actions = [request["Action"] for request in endpoint.requests]
            assert endpoint.requests[2]["LaunchTemplateConfigs.1.LaunchTemplateSpecification.LaunchTemplateName"] == endpoint.requests[0]["LaunchTemplateName"]
        assert actions.count("CreateLaunchTemplate") == 1 and actions.count("CreateFleet") == 2

    def test_after_a_restart_the_one_that_exists_is_used(self):
        with Endpoint(EXISTS, TEMPLATES, fleet(machine="i-1"), TYPES) as endpoint:
            assert aws(endpoint.url).launch(ORDER).id == "i-1"

    def test_one_that_somebody_deleted_is_made_again(self):
        with Endpoint(EXISTS, TEMPLATES, GONE, TEMPLATE, TEMPLATES, fleet(machine="i-1"), TYPES) as endpoint:
            assert aws(endpoint.url).launch(ORDER).id == "i-1"

    def test_one_that_is_deleted_again_and_again_is_a_failure_that_ends(self):
        error, actions = launch(EXISTS, TEMPLATES, GONE, EXISTS, TEMPLATES, GONE)
        assert (error.kind, error.certain) == (Refusal.FAILED, True)
        assert actions.count("CreateFleet") == 2

    def test_without_it_no_fleet_is_asked_for(self):
        error, actions = launch((500, error_document("InternalError", "oops")))
        assert (error.kind, error.certain, actions) == (Refusal.FAILED, False, ["CreateLaunchTemplate"])
        error, actions = launch((403, error_document("UnauthorizedOperation", "no")))
        assert (error.kind, error.certain, actions) == (Refusal.UNAUTHORISED, True, ["CreateLaunchTemplate"])

    def test_old_ones_of_ours_are_removed_and_foreign_ones_are_not(self):
        tags = "".join(
            f"<item><key>dynamiccluster:{key}</key><value>{value}</value></item>" for key, value in (("cluster", "one"), ("resource", "alpha"))
        )

        def template(id_: str, name: str, made: str, tags: str = tags) -> str:
            tagged = f"<tagSet>{tags}</tagSet>"
            return f"<item><launchTemplateId>{id_}</launchTemplateId><launchTemplateName>{name}</launchTemplateName><createTime>{made}</createTime>{tagged}</item>"

        items = (
            template("lt-old", "dynamiccluster-old", "2020-01-01T00:00:00Z"),
            template("lt-young", "dynamiccluster-young", "2999-01-01T00:00:00Z"),
            template("lt-web", "web", "2020-01-01T00:00:00Z"),
            template("lt-foreign", "dynamiccluster-x", "2020-01-01T00:00:00Z", ""),
        )
        document = f"<DescribeLaunchTemplatesResponse><launchTemplates>{''.join(items)}</launchTemplates></DescribeLaunchTemplatesResponse>"
        deleted = (200, b"<DeleteLaunchTemplateResponse/>")
        with Endpoint(TEMPLATE, (200, document.encode()), deleted, fleet(machine="i-1"), TYPES) as endpoint:
            aws(endpoint.url).launch(ORDER)
            asked = [request["LaunchTemplateId"] for request in endpoint.requests if request["Action"] == "DeleteLaunchTemplate"]
        assert asked == ["lt-old"]

    def test_old_ones_that_cannot_be_listed_harm_nothing(self):
        refused = (403, error_document("UnauthorizedOperation", "no"))
        with Endpoint(TEMPLATE, refused, fleet(machine="i-1"), TYPES) as endpoint:
            assert aws(endpoint.url).launch(ORDER).id == "i-1"


BATCH = BatchOrder(f"{'a' * 32}x3", 3, "t0ken", 0.0)


class TestMany:
    def test_one_call_launches_several_and_tells_what_had_none(self):
        with Endpoint(TEMPLATE, TEMPLATES, fleet(failure("InsufficientInstanceCapacity"), machine="i-1 i-2"), TYPES) as endpoint:
            made = aws(endpoint.url).launch_many(BATCH)
            asked = endpoint.requests[2]
        assert [(one.id, one.name, one.intent, one.flavor) for one in made] == [(f"i-{n}", f"wn-{n}", BATCH.intent, "m5.large") for n in (1, 2)]
        assert {one.refused for one in made} == {("c5.large in us-east-1a (spot)",)}
        assert (asked["Action"], asked["TargetCapacitySpecification.TotalTargetCapacity"]) == ("CreateFleet", "3")

    def test_a_refusal_of_all_names_the_offerings(self):
        with Endpoint(TEMPLATE, TEMPLATES, fleet(failure("InsufficientInstanceCapacity"))) as endpoint, pytest.raises(CloudError) as error:
            aws(endpoint.url).launch_many(BATCH)
        assert (error.value.kind, error.value.certain, error.value.offerings) == (Refusal.NO_CAPACITY, True, ("c5.large in us-east-1a (spot)",))
        assert "could not launch 3 machines" in str(error.value)

    def test_a_template_that_somebody_deleted_is_made_again(self):
        answers = (TEMPLATE, TEMPLATES, GONE, TEMPLATE, TEMPLATES, fleet(machine="i-1"), TYPES)
        with Endpoint(*answers) as endpoint:
            assert [one.id for one in aws(endpoint.url).launch_many(BATCH)] == ["i-1"]

    def test_a_repetition_with_other_settings_waits_until_all_may_show(self):
        """The listing may lag, so that fewer than were asked for are no proof that there are no more."""
        changed = (400, error_document("IdempotentParameterMismatch", "other parameters"))
        tags = {"Name": "wn-", "dynamiccluster:cluster": "one", "dynamiccluster:resource": "alpha", "dynamiccluster:intent": BATCH.intent}
        for shown, certain in ((2, False), (3, True)):
            with Endpoint(TEMPLATE, TEMPLATES, changed, listing(shown, tags), TYPES) as endpoint:
                cloud = aws(endpoint.url)
                if certain:
                    assert len(cloud.launch_many(BATCH)) == 3
                    continue
                with pytest.raises(CloudError) as error:
                    cloud.launch_many(BATCH)
                assert (error.value.kind, error.value.certain) == (Refusal.FAILED, False)


def listing(count: int, tags: dict[str, str]) -> tuple[int, bytes]:
    """Return an answer to DescribeInstances with so many machines."""
    told = "".join(f"<item><key>{key}</key><value>{value}</value></item>" for key, value in tags.items())
    state = "<instanceState><code>16</code><name>running</name></instanceState>"
    items = "".join(f"<item><instanceId>i-{n}</instanceId>{state}<tagSet>{told}</tagSet></item>" for n in range(count))
    reservation = f"<reservationSet><item><instancesSet>{items}</instancesSet></item></reservationSet>"
    return 200, f"<DescribeInstancesResponse>{reservation}</DescribeInstancesResponse>".encode()


class TestRefusals:
    @pytest.mark.parametrize(
        ("errors", "kind", "setting", "offerings"),
        [
            ([failure("InsufficientInstanceCapacity")], Refusal.NO_CAPACITY, "", 1),
            ([failure("UnfulfillableCapacity"), failure("UnfulfillableCapacity", "m5.large")], Refusal.NO_CAPACITY, "", 2),
            ([failure("InsufficientInstanceCapacity"), failure("InsufficientInstanceCapacity")], Refusal.NO_CAPACITY, "", 1),
            ([failure("SpotMaxPriceTooLow")], Refusal.NO_CAPACITY, "spot_bid", 1),
            ([failure("MaxSpotInstanceCountExceeded")], Refusal.QUOTA, "", 0),
            ([failure("VcpuLimitExceeded"), failure("InsufficientInstanceCapacity", "m5.large")], Refusal.NO_CAPACITY, "", 1),
            ([failure("RequestLimitExceeded"), failure("InsufficientInstanceCapacity")], Refusal.THROTTLED, "", 1),
            ([failure("UnauthorizedOperation"), failure("VcpuLimitExceeded")], Refusal.QUOTA, "", 0),
            ([failure("UnauthorizedOperation")], Refusal.UNAUTHORISED, "", 0),
            ([failure("InvalidAMIID.NotFound")], Refusal.BAD_REQUEST, "image_id", 0),
            ([failure("InvalidSubnetID.NotFound")], Refusal.BAD_REQUEST, "subnet_id", 0),
            ([failure("Unsupported")], Refusal.BAD_REQUEST, "instance_types", 1),
            ([failure("Unsupported"), failure("InsufficientInstanceCapacity", "m5.large")], Refusal.NO_CAPACITY, "", 2),
            ([failure("WhoKnows")], Refusal.FAILED, "", 0),
        ],
    )
    def test_what_a_fleet_could_not_get(self, errors, kind, setting, offerings):
        error, _ = launch(TEMPLATE, TEMPLATES, fleet(*errors))
        assert (error.kind, error.certain) == (kind, True)
        assert error.setting == (f"dynamiccluster:cloud:alpha:config:{setting}" if setting else "")
        assert len(error.offerings) == offerings
        assert str(error).startswith("resource alpha: could not launch wn-a: EC2 answered ")

    def test_defect_a_quota_is_named(self):
        error, _ = launch(TEMPLATE, TEMPLATES, fleet(failure("MaxSpotInstanceCountExceeded", text="Max spot instance count exceeded")))
        assert "used up: the vCPUs of spot instances of this family" in str(error)

    def test_each_code_is_told_once_with_the_offerings_that_had_it(self):
        errors = [failure("InsufficientInstanceCapacity"), failure("InsufficientInstanceCapacity", "m5.large", "us-east-1b")]
        error, _ = launch(TEMPLATE, TEMPLATES, fleet(*errors))
        assert error.offerings == ("c5.large in us-east-1a (spot)", "m5.large in us-east-1b (spot)")
        assert str(error).count("InsufficientInstanceCapacity") == 1
        assert "[c5.large in us-east-1a (spot), m5.large in us-east-1b (spot)]" in str(error)

    def test_partial_success_is_success_and_tells_what_had_none(self):
        with Endpoint(TEMPLATE, TEMPLATES, fleet(failure("InsufficientInstanceCapacity"), machine="i-1"), TYPES) as endpoint:
            instance = aws(endpoint.url).launch(ORDER)
        assert (instance.id, instance.flavor, instance.market) == ("i-1", "m5.large", "spot")
        assert instance.refused == ("c5.large in us-east-1a (spot)",)
        assert instance.offering == "m5.large in us-east-1b (spot)"

    def test_neither_a_machine_nor_an_error_proves_nothing(self):
        error, _ = launch(TEMPLATE, TEMPLATES, fleet())
        assert (error.kind, error.certain) == (Refusal.FAILED, False)

    @pytest.mark.parametrize("status", [500, 503])
    def test_s35_a_fleet_is_asked_for_once_and_a_failing_server_may_have_made_it(self, status):
        error, actions = launch(TEMPLATE, TEMPLATES, (status, error_document("InternalError", "oops")))
        assert (error.kind, error.certain) == (Refusal.FAILED, False)
        assert actions.count("CreateFleet") == 1

    def test_the_whole_call_may_be_refused_too(self):
        error, _ = launch(TEMPLATE, TEMPLATES, (400, error_document("VcpuLimitExceeded", "limit of 32")))
        assert (error.kind, error.certain) == (Refusal.QUOTA, True)
        assert "used up: the vCPUs of running instances of this family" in str(error)

    def test_a_boto3_that_does_not_know_the_call_is_told(self, monkeypatch):
        monkeypatch.setattr(fleet_module, "fleet_request", lambda *_: {"OfTheFuture": "s3cret"})
        error, actions = launch(TEMPLATE, TEMPLATES)
        assert (error.kind, error.certain) == (Refusal.BAD_REQUEST, True)
        assert "boto3 is too old" in str(error) and "s3cret" not in str(error)
        assert "CreateFleet" not in actions
