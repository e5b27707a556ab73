"""What EC2 says of its machines' health, and what becomes of it in the listing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from saltext.dynamiccluster.clouds.aws import Aws, Timeouts, health, prices
from saltext.dynamiccluster.clouds.aws.health import Condition, Health, read_condition
from saltext.dynamiccluster.clouds.aws.prices import Prices, read_prices
from saltext.dynamiccluster.errors import CloudError, Refusal
from saltext.dynamiccluster.model import Instance, InstanceState
from tests.contract.cloud_ec2 import Endpoint, settings

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SINCE = datetime(2026, 3, 1, 11, 30, tzinfo=UTC)
JUST = datetime(2026, 3, 1, 11, 59, tzinfo=UTC)
RETIRES = datetime(2026, 3, 15, 4, 0, tzinfo=UTC)


def impaired(since: datetime | None = SINCE) -> dict:
    return {"Status": "impaired", "Details": [{"Name": "reachability", "Status": "failed", **({"ImpairedSince": since} if since else {})}]}


def event(code: str, text: str = "The instance is running on degraded hardware", when: datetime | None = RETIRES) -> dict:
    return {"Code": code, "Description": text, **({"NotBefore": when} if when else {})}


@pytest.mark.parametrize(
    ("raw", "condition"),
    [
        ({}, Condition()),
        ({"InstanceStatus": {"Status": "ok"}, "SystemStatus": {"Status": "ok"}, "Events": []}, Condition()),
        ({"InstanceStatus": {"Status": "initializing"}, "SystemStatus": {"Status": "insufficient-data"}}, Condition()),
        ({"SystemStatus": impaired()}, Condition("system status check failed since 2026-03-01 11:30 UTC")),
        ({"InstanceStatus": impaired()}, Condition("instance status check failed since 2026-03-01 11:30 UTC")),
        ({"InstanceStatus": impaired(JUST)}, Condition()),
        ({"InstanceStatus": impaired(None)}, Condition()),
        (
            {"Events": [event("instance-retirement")]},
            Condition("", "instance-retirement on 2026-03-15 04:00 UTC: The instance is running on degraded hardware"),
        ),
        ({"Events": [event("instance-stop", "", None)]}, Condition("", "instance-stop")),
        ({"Events": [event("instance-retirement", "[Completed] The instance was retired")]}, Condition()),
        ({"Events": [event("instance-reboot", "[Canceled] reboot")]}, Condition()),
        ({"Events": [event("system-maintenance")]}, Condition()),
        ({"Events": [event("system-reboot", "x"), event("instance-retirement", "y")]}, Condition("", "instance-retirement on 2026-03-15 04:00 UTC: y")),
        ({"Events": [event("instance-stop", "two\nlines" + "x" * 900)]}, Condition("", f"instance-stop on 2026-03-15 04:00 UTC: two lines{'x' * 191}")),
    ],
)
def test_what_a_status_says(raw, condition):
    assert read_condition(raw, NOW.timestamp()) == condition


class Source:
    """Answers pages of statuses, or fails."""

    def __init__(self, *statuses: dict):
        self.statuses, self.asked, self.error = list(statuses), [], None

    def pages(self, operation, doing, **arguments):
        self.asked.append((operation, arguments))
        if self.error:
            raise self.error
        yield {"InstanceStatuses": self.statuses, "SpotPriceHistory": self.statuses}


def machine(id_: str = "i-1", **more) -> Instance:
    return Instance(id_, "wn-a", "alpha", InstanceState.ACTIVE, **more)


class TestHealth:
    @pytest.fixture
    def timer(self):
        return [NOW.timestamp()]

    def test_only_machines_in_trouble_are_asked_for_and_ours_are_marked(self, timer):
        source = Source({"InstanceId": "i-1", "InstanceStatus": impaired()}, {"InstanceId": "i-foreign", "Events": [event("instance-stop")]})
        one, two = Health(source, lambda: timer[0]).put_on([machine(), machine("i-2")])
        assert one.impaired.startswith("instance status check failed") and two == machine("i-2")
        filters = {item["Filters"][0]["Name"]: item["Filters"][0]["Values"] for _, item in source.asked}
        assert filters["instance-status.status"] == filters["system-status.status"] == ["impaired"]
        assert "instance-retirement" in filters["event.code"]

    def test_it_is_asked_once_a_minute_however_often_is_listed(self, timer):
        source = Source({"InstanceId": "i-1", "InstanceStatus": impaired()})
        found = Health(source, lambda: timer[0])
        for _ in range(5):
            assert found.put_on([machine()])[0].impaired
            timer[0] += 10
        assert len(source.asked) == 3
        timer[0] += 20
        source.statuses.clear()
        assert found.put_on([machine()]) == (machine(),)
        assert len(source.asked) == 6

    def test_without_machines_nobody_is_asked(self, timer):
        source = Source()
        assert Health(source, lambda: timer[0]).put_on([]) == ()
        assert source.asked == []

    def test_what_is_not_known_is_not_well_but_not_for_ever(self, timer):
        source = Source({"InstanceId": "i-1", "InstanceStatus": impaired()})
        found = Health(source, lambda: timer[0])
        found.put_on([machine()])
        source.error = CloudError("no", Refusal.UNREACHABLE)
        timer[0] += health.EVERY
        assert found.put_on([machine()])[0].impaired
        timer[0] += health.KEPT
        assert found.put_on([machine()]) == (machine(),)


class TestPrices:
    def test_a_spot_machine_shows_its_price_and_another_does_not(self):
        history = [
            {"InstanceType": "c5.large", "AvailabilityZone": "us-east-1a", "SpotPrice": "0.0351", "Timestamp": SINCE},
            {"InstanceType": "c5.large", "AvailabilityZone": "us-east-1b", "SpotPrice": "0.05", "Timestamp": SINCE},
        ]
        spot = machine(market="spot", flavor="c5.large", zone="us-east-1a")
        firm = machine("i-2", flavor="c5.large", zone="us-east-1a")
        unknown = machine("i-3", market="spot", flavor="m5.large", zone="us-east-1a")
        source = Source(*history)
        assert [item.price for item in Prices(source, NOW.timestamp).put_on([spot, firm, unknown])] == [0.0351, None, None]
        ((operation, asked),) = source.asked
        assert operation == "describe_spot_price_history" and asked["InstanceTypes"] == ["c5.large", "m5.large"]

    def test_on_demand_machines_cost_no_call(self):
        source = Source()
        assert Prices(source, NOW.timestamp).put_on([machine()]) == (machine(),)
        assert source.asked == []

    def test_prices_are_asked_for_now_and_then_and_a_failure_keeps_the_last(self):
        timer, spot = [NOW.timestamp()], machine(market="spot", flavor="c5.large", zone="z")
        source = Source({"InstanceType": "c5.large", "AvailabilityZone": "z", "SpotPrice": "1"})
        found = Prices(source, lambda: timer[0])
        for _ in range(3):
            assert found.put_on([spot])[0].price == 1.0
        source.error = CloudError("no", Refusal.UNAUTHORISED)
        timer[0] += prices.EVERY
        assert found.put_on([spot])[0].price == 1.0
        assert len(source.asked) == 2

    def test_the_newest_price_holds_and_nonsense_is_left_out(self):
        def row(price, when, zone="z"):
            return {"InstanceType": "t", "AvailabilityZone": zone, "SpotPrice": price, "Timestamp": when}

        assert read_prices([row("2", JUST), row("1", SINCE), row("free", JUST, "y"), {}]) == {("t", "z"): 2.0}


def test_a_listing_shows_health_and_price_over_http():
    tags = "".join(f"<item><key>dynamiccluster:{k}</key><value>{v}</value></item>" for k, v in (("cluster", "one"), ("resource", "alpha")))
    machine = (
        "<item><instanceId>i-1</instanceId><instanceState><name>running</name></instanceState><instanceLifecycle>spot</instanceLifecycle>"
        f"<instanceType>c5.large</instanceType><placement><availabilityZone>us-east-1a</availabilityZone></placement><tagSet>{tags}</tagSet></item>"
    )
    retires = "<code>instance-retirement</code><description>degraded</description><notBefore>2026-03-15T04:00:00.000Z</notBefore>"
    status = f"<item><instanceId>i-1</instanceId><eventsSet><item>{retires}</item></eventsSet></item>"
    price = "<item><instanceType>c5.large</instanceType><availabilityZone>us-east-1a</availabilityZone><spotPrice>0.035</spotPrice></item>"
    answers = [
        f"<DescribeInstancesResponse><reservationSet><item><instancesSet>{machine}</instancesSet></item></reservationSet></DescribeInstancesResponse>",
        "<DescribeInstanceTypesResponse><instanceTypeSet/></DescribeInstanceTypesResponse>",
        "<DescribeInstanceStatusResponse><instanceStatusSet/></DescribeInstanceStatusResponse>",
        "<DescribeInstanceStatusResponse><instanceStatusSet/></DescribeInstanceStatusResponse>",
        f"<DescribeInstanceStatusResponse><instanceStatusSet>{status}</instanceStatusSet></DescribeInstanceStatusResponse>",
        f"<DescribeSpotPriceHistoryResponse><spotPriceHistorySet>{price}</spotPriceHistorySet></DescribeSpotPriceHistoryResponse>",
    ]
    with Endpoint(*((200, text.encode()) for text in answers)) as endpoint:
        (shown,) = Aws("alpha", "one", settings(endpoint.url), timeouts=Timeouts(connect=30.0, read=30.0)).list()
    assert (shown.market, shown.price) == ("spot", 0.035)
    assert (shown.impaired, shown.notice) == ("", "instance-retirement on 2026-03-15 04:00 UTC: degraded")
